import { describe, it } from "@effect/vitest"
import { optionsFirst } from "../../src/commands/argumentOrder.ts"
import { assert } from "../support/assert.ts"

const words = (line: string): ReadonlyArray<string> => ["node", "lathe", ...line.split(" ")]
const ordered = (line: string): string => optionsFirst(words(line)).slice(2).join(" ")

describe("The order of a command's words", () => {
  it("puts options with their values before arguments", () => {
    assert.strictEqual(ordered("master IN OUT --preset warm --from 3"), "master --preset warm --from 3 IN OUT")
    assert.strictEqual(ordered("master IN --preset=warm OUT"), "master --preset=warm IN OUT")
    assert.strictEqual(ordered("fingerprint A --json B"), "fingerprint --json A B")
  })

  it("leaves what is in order as it is", () => {
    for (const line of ["serve", "serve --port 0 A B", "--help", "--version", "master --help", "fingerprint"]) {
      assert.strictEqual(ordered(line), line)
    }
  })

  it("takes everything after -- for an argument", () => {
    assert.strictEqual(ordered("fingerprint --json -- --odd.wav A"), "fingerprint --json -- --odd.wav A")
    assert.strictEqual(ordered("fingerprint A -- B --json"), "fingerprint -- A B --json")
  })
})
