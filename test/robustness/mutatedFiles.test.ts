import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, it } from "vitest"
import { assert } from "../support/assert.ts"
import { faultsInWords, runMutants } from "../support/mutantRuns.ts"

// More of them are in mutatedFiles.heavy.ts; `npm run fuzz` takes any number and seed.
const seed = 11
const count = 100

const folder = mkdtempSync(join(tmpdir(), "lathe-mutated-"))
afterAll(() => rmSync(folder, { recursive: true }))

describe("a damaged file of any format", () => {
  it("gives an analysis or a typed error: no crash, no defect, no hang", { timeout: 240_000 }, async () => {
    const { faults, outcomes } = await runMutants({ seed, count })
    assert.strictEqual(faultsInWords(seed, faults), "")
    assert.strictEqual(
      [...outcomes.values()].reduce((a, b) => a + b, 0),
      count
    )
    // Damage that no longer reaches all of these proves nothing.
    assert.includesMembers(
      [...outcomes.keys()],
      [
        "analysed",
        "analysed, with damage",
        "TrackTooShort",
        "TrackUnreadable (open: not_audio)",
        "TrackUnreadable (open: truncated)",
        "TrackUnreadable (open: corrupt)",
        "TrackUnreadable (decode: truncated)"
      ]
    )
  })
})

describe("a run over damaged files", () => {
  const script = (name: string, body: string) => {
    const path = join(folder, `${name}.mjs`)
    writeFileSync(
      path,
      `const [, , , seed, from, end] = process.argv.map(Number)
       const say = (line) => console.log(JSON.stringify(line))
       for (let index = from; index < end; index++) {
         say({ _tag: "Begun", index, words: "file " + index })
         ${body}
         say({ _tag: "Ended", index, outcome: "analysed", fault: "", milliseconds: 1, residentMiB: 1 })
       }`
    )
    return path
  }

  it("survives a crash of native code, records it with what repeats it, and goes on behind it", async () => {
    const analyzer = script(
      "crash",
      `if (index === 2) process.kill(process.pid, "SIGSEGV"), await new Promise(() => {})`
    )
    const { faults, outcomes } = await runMutants({ seed: 5, count: 4, analyzer })
    assert.deepStrictEqual(Object.fromEntries(outcomes), { analysed: 3, crash: 1 })
    assert.match(faultsInWords(5, faults), /^mutant 2 of seed 5, file 2: .*SIGSEGV.*\n.*--seed 5 --from 2 --count 1/)
  })

  it("ends a file that does not end, even in a loop, and goes on behind it", async () => {
    const analyzer = script("hang", "if (index === 1) for (;;);")
    const { faults, outcomes } = await runMutants({ seed: 5, count: 3, analyzer, deadlineMs: 500 })
    assert.deepStrictEqual(Object.fromEntries(outcomes), { analysed: 2, hang: 1 })
    assert.strictEqual(faults[0]?.index, 1)
  })

  it("does not call it a pass when nothing ran", async () => {
    const analyzer = script("broken", `throw new Error("no such module")`)
    const before = join(folder, "empty.mjs")
    writeFileSync(before, `throw new Error("no such module")`)
    await assert.rejects(runMutants({ seed: 5, count: 3, analyzer: before }), /no such module/)
    const { faults } = await runMutants({ seed: 5, count: 2, analyzer })
    assert.lengthOf(faults, 2)
  })
})
