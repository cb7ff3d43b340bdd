/** Real processes, watched, killed and stopped. */
import { describe, it } from "@effect/vitest"
import { Effect, Exit, Schedule, Scope } from "effect"
import * as FingerprintServerProcess from "../../../src/layers/fingerprint/FingerprintServerProcess.ts"
import * as Supervisor from "../../../src/layers/supervision/Supervisor.ts"
import { assert } from "../../support/assert.ts"
import { built } from "../../support/built.ts"

const script = built("scriptedFingerprintServer")

/** Starting a process takes as long as the machine is busy. */
const patience = 60_000

const watch = { startDeadline: "30 seconds", interval: "50 millis", deadline: "1 second", failures: 3 } as const

const start = (...behaviour: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const port = yield* FingerprintServerProcess.findFreePort(0)
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    const command = [script, String(port), ...behaviour]
    const child = FingerprintServerProcess.supervised({ port, folders: [], command, watch })
    const tree = yield* Scope.extend(
      Supervisor.make({
        id: "test",
        policy: { strategy: "one-for-one", intensity: 0, periodSeconds: 60 },
        children: [child]
      }),
      scope
    )
    /** Process id of the server that answers. */
    const pid = Effect.tryPromise(async (signal) =>
      Number(await (await fetch(`http://127.0.0.1:${port}/health`, { signal })).text())
    ).pipe(Effect.timeout("1 second"), Effect.retry(Schedule.spaced("20 millis")))
    const server = Effect.map(tree.children, ([supervisor]) => supervisor!.children[0]!)
    return { pid, server, stop: Scope.close(scope, Exit.void) }
  })

const isThere = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe("The fingerprint server's process", { timeout: patience }, () => {
  it.scopedLive("is back after it was killed", () =>
    Effect.gen(function* () {
      const { pid, server } = yield* start()
      const first = yield* pid
      process.kill(first, "SIGKILL")
      const second = yield* pid
      assert.notStrictEqual(second, first)
      const { last_failure, restarts, status } = yield* server
      assert.deepStrictEqual(
        { last_failure, restarts, status },
        { last_failure: "The fingerprint server ended (SIGKILL).", restarts: 1, status: "running" }
      )
    })
  )

  it.scopedLive("is killed and back after it was stopped", () =>
    Effect.gen(function* () {
      const { pid, server } = yield* start()
      const first = yield* pid
      process.kill(first, "SIGSTOP")
      assert.notStrictEqual(yield* pid, first)
      assert.isFalse(isThere(first))
      assert.strictEqual((yield* server).last_failure, "The fingerprint server did not answer and was killed.")
    })
  )

  for (const [how, behaviour, signal] of [
    ["that was stopped", [], "SIGSTOP"],
    ["that takes no notice of SIGTERM", ["stubborn"], 0]
  ] as const) {
    it.scopedLive(`${how} is gone when its supervisor has ended`, () =>
      Effect.gen(function* () {
        const { pid, stop } = yield* start(...behaviour)
        const first = yield* pid
        process.kill(first, signal)
        yield* stop
        assert.isFalse(isThere(first))
      })
    )
  }

  it.scopedLive("that does not stay is tried again without its supervisor giving up", () =>
    Effect.gen(function* () {
      const { server } = yield* start("failing")
      yield* server.pipe(
        Effect.repeat({ until: ({ restarts }) => restarts === 3, schedule: Schedule.spaced("20 millis") })
      )
      assert.strictEqual((yield* server).last_failure, "The fingerprint server ended (exit code 1).")
    })
  )
})
