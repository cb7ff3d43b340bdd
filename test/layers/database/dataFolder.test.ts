import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { makeDataFolder } from "../../../src/layers/database/dataFolder.ts"
import { assert } from "../../support/assert.ts"
import { temporaryFolder } from "../../support/audioFiles.ts"
import { withoutPrivileges } from "../../support/withoutPrivileges.ts"

const codeOf = (path: string) => {
  try {
    makeDataFolder(path)
    return undefined
  } catch (error) {
    return error instanceof Error && "code" in error ? error.code : error
  }
}

describe("The data folder", () => {
  it.scoped("is made with those above it, and may be there already", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryFolder, "a", "b", "c")
      makeDataFolder(path)
      makeDataFolder(path)
      assert.isTrue(statSync(path).isDirectory())
    })
  )

  it.scoped("is refused where there is a file, or below one", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryFolder, "file")
      writeFileSync(file, "")
      assert.deepStrictEqual([codeOf(file), codeOf(join(file, "below"))], ["ENOTDIR", "ENOTDIR"])
    })
  )

  it.scoped("is refused where it may not be written", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const closed = join(folder, "closed")
      mkdirSync(closed)
      chmodSync(closed, 0o555)
      chmodSync(folder, 0o755)
      // Of the folder itself `access` asks for the user who started the process, whom a test cannot change back.
      const code = yield* withoutPrivileges(Effect.sync(() => codeOf(join(closed, "data"))))
      assert.strictEqual(code, "EACCES")
    })
  )

  it.runIf(existsSync("/proc/self"))(
    "is refused at once by a file system that makes none and says that it is not there",
    () => {
      assert.strictEqual(codeOf("/proc/lathe"), "ENOENT")
    }
  )
})
