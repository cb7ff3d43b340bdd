import { describe, it } from "@effect/vitest"
import { SqlError } from "@effect/sql"
import { Effect, TestClock } from "effect"
import { TrackId } from "../../../src/domain/library/Track.ts"
import { makeOwedWrites } from "../../../src/layers/fingerprint/owedWrites.ts"
import { assert } from "../../support/assert.ts"
import { someTrackFile } from "../../support/analyses.ts"

const fileOf = (id: number, size = 1) => {
  const file = someTrackFile()
  return { ...file, track: { ...file.track, id: TrackId.make(id) }, version: { ...file.version, size } }
}

const failing = (code: string) =>
  Effect.die(new SqlError.SqlError({ cause: Object.assign(new Error(code), { code }), message: "failed" }))

const full = failing("SQLITE_FULL")

describe("Owed writes", () => {
  it.scoped("are bounded", () =>
    Effect.gen(function* () {
      const owed = yield* makeOwedWrites<string>()
      for (let id = 1; id <= 1100; id++) yield* owed.write(fileOf(id), "known", full)
      assert.strictEqual(owed.count(), 1024)
      assert.isTrue(owed.isFull())
      assert.strictEqual(owed.find(fileOf(1024)), "known")
      assert.strictEqual(owed.find(fileOf(1025)), undefined)
    })
  )

  it.scoped("are not held up by one that can never be done, nor by one that fails again", () =>
    Effect.gen(function* () {
      const owed = yield* makeOwedWrites<string>()
      const stored: Array<number> = []
      let code: string | undefined = "SQLITE_FULL"
      const storeOf = (id: number, later?: string) =>
        Effect.suspend(() => {
          const fault = code ?? later
          return fault === undefined ? Effect.sync(() => void stored.push(id)) : failing(fault)
        })
      yield* owed.write(fileOf(1), "of a track that is gone", storeOf(1, "SQLITE_CONSTRAINT_FOREIGNKEY"))
      yield* owed.write(fileOf(2), "fails again", storeOf(2, "SQLITE_IOERR"))
      yield* owed.write(fileOf(3), "well", storeOf(3))
      code = undefined
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([...new Set(stored)], [3])
      assert.strictEqual(owed.count(), 1)
      assert.strictEqual(owed.find(fileOf(2)), "fails again")
    })
  )

  it.scoped("of an older content do not come after a newer one", () =>
    Effect.gen(function* () {
      const owed = yield* makeOwedWrites<string>()
      const stored: Array<string> = []
      let isFull = true
      const storeOf = (content: string) =>
        Effect.suspend(() => (isFull ? full : Effect.sync(() => void stored.push(content))))
      yield* owed.write(fileOf(1, 1), "old", storeOf("old"))
      isFull = false
      yield* owed.write(fileOf(1, 2), "new", storeOf("new"))
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(stored, ["new"])
      assert.strictEqual(owed.count(), 0)
    })
  )
})
