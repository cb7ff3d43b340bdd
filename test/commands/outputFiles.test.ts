import { describe, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import { linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { checkOutputs, type OutputFile, writeWhole } from "../../src/commands/outputFiles.ts"
import { assert } from "../support/assert.ts"
import { temporaryFolder } from "../support/audioFiles.ts"

const out = (path: string): OutputFile => ({ by: "OUT", path, endings: [".wav", ".flac"] })
const report = (path: string): OutputFile => ({ by: "--report", path, endings: [".json"] })

/** What is said of them beside the input; nothing where they may be written. */
const complaint = (input: string, outputs: ReadonlyArray<OutputFile>, force = false) =>
  Effect.map(Effect.either(checkOutputs({ inputs: [{ by: "IN", path: input }], outputs, force })), (result) =>
    Either.isLeft(result) ? result.left.message : undefined
  )

const setUp = Effect.map(temporaryFolder, (folder) => {
  const at = (...names: ReadonlyArray<string>) => join(folder, ...names)
  writeFileSync(at("song.flac"), "song")
  mkdirSync(at("below"))
  return { folder, at, input: at("song.flac") }
})

describe("Files to be written", () => {
  it.scoped("may be any that are not there, in a folder that is", () =>
    Effect.gen(function* () {
      const { at, input } = yield* setUp
      assert.isUndefined(yield* complaint(input, [out(at("a.wav")), report(at("below", "a.JSON"))]))
    })
  )

  it.scoped("are never the input, by any name of it, not even when that is forced", () =>
    Effect.gen(function* () {
      const { at, folder, input } = yield* setUp
      symlinkSync(input, at("link.flac"))
      linkSync(input, at("hard.flac"))
      symlinkSync(folder, at("below", "up"))
      const names = [input, at("link.flac"), at("hard.flac"), at("below", "up", "song.flac"), at("below/../song.flac")]
      for (const name of names)
        assert.match((yield* complaint(input, [out(name)], true)) ?? "", /^OUT .* the same file as IN; name another/)
      // The input itself may be named by a link.
      assert.match((yield* complaint(at("link.flac"), [out(input)], true)) ?? "", /same file as IN/)
    })
  )

  it.scoped("are never each other, though they are not there yet", () =>
    Effect.gen(function* () {
      const { at, input } = yield* setUp
      symlinkSync(at("a.wav"), at("a.json"))
      symlinkSync(at("b.wav"), at("c.json"))
      symlinkSync(at("c.json"), at("b.json"))
      for (const name of ["a", "b"])
        assert.match(
          (yield* complaint(input, [out(at(`${name}.wav`)), report(at(`${name}.json`))], true)) ?? "",
          /^--report .* the same file as OUT/
        )
    })
  )

  it.scoped("that are there are replaced by force only", () =>
    Effect.gen(function* () {
      const { at, input } = yield* setUp
      writeFileSync(at("a.wav"), "kept")
      writeFileSync(at("a.json"), "kept")
      for (const file of [out(at("a.wav")), report(at("a.json"))]) {
        assert.match((yield* complaint(input, [file])) ?? "", /there already; .*--force/)
        assert.isUndefined(yield* complaint(input, [file], true))
      }
    })
  )

  it.scoped("have their ending, and a folder", () =>
    Effect.gen(function* () {
      const { at, input } = yield* setUp
      mkdirSync(at("folder.wav"))
      const cases: ReadonlyArray<readonly [OutputFile, RegExp]> = [
        [report(input), /^--report song\.flac cannot be written: lathe writes \.json there/],
        [out(at("a.mp3")), /\.wav and \.flac/],
        [out(at("none", "a.wav")), /its folder does not exist/],
        [out(at("song.flac", "a.wav")), /song\.flac is a file, not a folder/],
        [out(at("folder.wav")), /it is a directory/]
      ]
      for (const [file, sentence] of cases) assert.match((yield* complaint(input, [file], true)) ?? "", sentence)
    })
  )

  it.scoped("are written whole or not at all", () =>
    Effect.gen(function* () {
      const { at, folder } = yield* setUp
      writeFileSync(at("a.json"), "before")
      yield* writeWhole(at("a.json"), "behind")
      assert.strictEqual(readFileSync(at("a.json"), "utf8"), "behind")
      assert.hasFields(yield* Effect.flip(writeWhole(at("below"), "text")), { _tag: "AudioWriteError" })
      assert.deepStrictEqual(readdirSync(folder).toSorted(), ["a.json", "below", "song.flac"])
    })
  )
})
