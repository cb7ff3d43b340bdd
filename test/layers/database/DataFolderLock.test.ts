import { describe, it } from "@effect/vitest"
import { Effect, Exit, Option, Scope } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { join } from "node:path"
import * as DataFolderLock from "../../../src/layers/database/DataFolderLock.ts"
import { assert } from "../../support/assert.ts"
import { temporaryFolder } from "../../support/audioFiles.ts"

const source = fileURLToPath(new URL("../../../src/layers/database/DataFolderLock.ts", import.meta.url))

/** A process that holds the data folder until it is killed. */
const holdElsewhere = (dataFolder: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const program = `
        import { Effect } from "effect"
        import { hold } from ${JSON.stringify(source)}
        await Effect.runPromise(Effect.scoped(hold(${JSON.stringify(dataFolder)}, ["/music"]).pipe(
          Effect.tap(({ announce }) => announce("http://127.0.0.1:8765/")),
          Effect.tap(() => Effect.sync(() => process.stdout.write("held"))),
          Effect.zipRight(Effect.never)
        )))`
      const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      await once(child.stdout, "data")
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

describe("DataFolderLock", () => {
  it.scopedLive("is held by one process, which is named to the others, until that one is killed", () =>
    Effect.gen(function* () {
      const folder = join(yield* temporaryFolder, "data")
      const child = yield* holdElsewhere(folder)
      const refusal = yield* Effect.flip(Effect.scoped(DataFolderLock.hold(folder, [])))
      assert.strictEqual(refusal._tag, "DataFolderInUse")
      assert.match(refusal.message, new RegExp(`8765/ since .* \\(process ${child.pid}\\)`))
      assert.deepStrictEqual(
        Option.map(yield* DataFolderLock.findHolder(folder), ({ holder }) => holder?.folders),
        Option.some(["/music"])
      )

      child.kill("SIGKILL")
      yield* Effect.promise(() => once(child, "exit"))
      assert.deepStrictEqual(yield* DataFolderLock.findHolder(folder), Option.none())
      yield* DataFolderLock.hold(folder, [])
    })
  )

  it.scopedLive("goes with its scope", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const scope = yield* Scope.make()
      yield* Scope.extend(DataFolderLock.hold(folder, []), scope)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(Effect.scoped(DataFolderLock.hold(folder, [])))))
      yield* Scope.close(scope, Exit.void)
      yield* DataFolderLock.hold(folder, [])
    })
  )

  it.effect("is held by nobody where there is no data folder", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* DataFolderLock.findHolder("/nowhere"), Option.none())
    })
  )
})
