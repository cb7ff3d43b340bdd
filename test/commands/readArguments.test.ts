import { Command } from "@effect/cli"
import { describe, it } from "@effect/vitest"
import { Either, Option } from "effect"
import { fingerprint } from "../../src/commands/fingerprint.ts"
import { fingerprintServer } from "../../src/commands/fingerprintServer.ts"
import { master } from "../../src/commands/master.ts"
import { asksForJson, readArguments } from "../../src/commands/readArguments.ts"
import { serve } from "../../src/commands/serve.ts"
import { status } from "../../src/commands/status.ts"
import { assert } from "../support/assert.ts"

const lathe = Command.make("lathe").pipe(
  Command.withSubcommands([serve, status, fingerprint, master, fingerprintServer])
)

const read = (...words: ReadonlyArray<string>) => readArguments(lathe.descriptor, words)

/** A line without quotes. */
const readLine = (line: string) => read(...line.split(" ").filter(Boolean))

const ordered = (line: string): string => Either.getOrThrow(readLine(line)).words.join(" ")

const refusal = (line: string): string => {
  const result = readLine(line)
  assert(Either.isLeft(result), line)
  return result.left.message
}

describe("The words of a command line", () => {
  it("may stand in any order, and come out in one", () => {
    const master = "master --preset=warm --from=3 -- IN OUT"
    for (const line of [
      "master IN OUT --preset warm --from 3",
      "master --preset=warm IN --from 3 OUT",
      "master --preset warm --from=3 IN -- OUT"
    ])
      assert.strictEqual(ordered(line), master)
    assert.strictEqual(ordered("fingerprint A --json B"), "fingerprint --json -- A B")
    assert.strictEqual(ordered("serve"), "serve")
    assert.strictEqual(ordered("serve A B --port 0 C"), "serve --port=0 -- A B C")
    assert.strictEqual(ordered(""), "")
  })

  it("behind -- are arguments, whatever they look like", () => {
    assert.strictEqual(ordered("fingerprint A -- B --json -h"), "fingerprint -- A B --json -h")
    assert.strictEqual(ordered("fingerprint -- -- --odd.wav"), "fingerprint -- -- --odd.wav")
  })

  it("behind an = are a value, whatever they look like, and a negative number is one as it is", () => {
    assert.strictEqual(ordered("serve --data=--port M"), "serve --data=--port -- M")
    assert.strictEqual(ordered("serve --data=a=b"), "serve --data=a=b")
    assert.strictEqual(ordered("master --intensity -1 A B"), "master --intensity=-1 -- A B")
    assert.strictEqual(ordered("master --intensity -.5 A B"), "master --intensity=-.5 -- A B")
  })

  it("hold options that may come several times", () => {
    const line = "master A B --bypass gain --bypass=width"
    assert.strictEqual(ordered(line), "master --bypass gain --bypass width -- A B")
  })

  it("that begin with a dash and are no option of the command are refused, with the nearest one", () => {
    const nearest: ReadonlyArray<readonly [string, string]> = [
      ["serve --prot 1 --port 2 --data D M", "--prot is no option of `lathe serve`; did you mean --port?"],
      ["serve M --prot=1", "--prot is no option of `lathe serve`; did you mean --port?"],
      ["serve M -port 1", "-port is no option of `lathe serve`; did you mean --port?"],
      ["serve M --PORT 1", "--PORT is no option of `lathe serve`; did you mean --port?"],
      ["serve --token-fil F M", "--token-fil is no option of `lathe serve`; did you mean --token-file?"],
      ["serve --prot 1 --log-level debug M", "--prot is no option of `lathe serve`; did you mean --port?"]
    ]
    for (const [line, sentence] of nearest) assert.strictEqual(refusal(line), sentence)
    assert.match(refusal("serve --xyzzy"), /^--xyzzy is no option of `lathe serve`; `lathe serve --help` lists them\./)
    assert.match(refusal("fingerprint - A"), /^- is no option of `lathe fingerprint`;/)
  })

  it("that are an option of another command say of which", () => {
    assert.strictEqual(
      refusal("status --preset warm"),
      "--preset is no option of `lathe status`, but of `lathe master`."
    )
    assert.match(refusal("--port 2 serve M"), /^--port goes behind its command, .*`lathe serve`/)
  })

  it("that repeat an option are refused, however it is written", () => {
    for (const line of ["serve --port 1 --port 2", "serve --port=1 M --port=1", "fingerprint --json A --json"])
      assert.match(refusal(line), /^--(port|json) is given twice; give it once\.$/)
  })

  it("that lack a value are refused: no option becomes the value of another one", () => {
    assert.match(refusal("serve --data --port 2"), /^--data needs a value, and --port is none; .* --data=--port\.$/)
    assert.match(refusal("serve M --data"), /^--data needs a value/)
    assert.match(refusal("serve --token-file= M"), /^--token-file needs a value/)
    assert.match(refusal("serve --data -- M"), /^--data needs a value/)
    assert.match(refusal("serve --background"), /^--background needs a value: one of on, off\.$/)
    assert(Either.isLeft(read("serve", "--token-file", "", "M")))
    assert.match(refusal("fingerprint --json=true A"), /^--json takes no value/)
  })

  it("with a value that is none of the allowed ones list them, by the name of the option", () => {
    assert.strictEqual(refusal("serve --background of M"), '--background is "of"; it must be one of on, off.')
    assert.strictEqual(refusal("master A B --rate 1"), '--rate is "1"; it must be one of 44100, 48000, 96000.')
    assert.match(refusal("status --log-level loud"), /^--log-level is "loud"; it must be one of all, trace, /)
  })

  it("that are too few, too many, or empty, say what the command takes", () => {
    assert.strictEqual(refusal("master A"), "OUT missing: `lathe master IN OUT`.")
    assert.strictEqual(refusal("master"), "IN and OUT missing: `lathe master IN OUT`.")
    assert.strictEqual(refusal("master A B C"), '"C" is one word too many: `lathe master IN OUT`.')
    assert.strictEqual(refusal("status A"), '"A" is one word too many: `lathe status`.')
    // As of a variable of the shell that is not set: it is not the current folder.
    assert(Either.isLeft(read("serve", "")))
  })

  it("that begin with no command are refused, with the nearest one", () => {
    assert.strictEqual(refusal("sevre M"), '"sevre" is no command of lathe; did you mean `lathe serve`?')
    assert.match(refusal("xyzzy"), /there are fingerprint, fingerprint-server, master, serve, status\.$/)
    assert.match(refusal("-- serve"), /behind its command/)
  })

  it("ask for help even where the others are wrong, and for the version without arguments", () => {
    assert.strictEqual(ordered("serve --prot --help"), "--help serve --help")
    assert.strictEqual(ordered("master -h"), "--help master --help")
    assert.strictEqual(ordered("--help"), "--help")
    assert.strictEqual(ordered("master --version"), "master --version")
    assert.strictEqual(ordered("--completions zsh"), "--completions=zsh")
  })

  it("may have the level of the log before the command and behind it", () => {
    for (const line of ["--log-level debug status", "status --log-level=debug"]) {
      const reading = Either.getOrThrow(readLine(line))
      assert.deepStrictEqual(reading, { words: ["status"], logLevel: Option.some("debug") })
    }
  })

  it("keep every option beside the level of the log, a token above all", () => {
    const reading = Either.getOrThrow(readLine("serve --background off --log-level debug --token-file F M"))
    assert.deepStrictEqual(reading.words, ["serve", "--background=off", "--token-file=F", "--", "M"])
    assert.deepStrictEqual(reading.logLevel, Option.some("debug"))
  })

  it("ask for JSON only where they are options", () => {
    assert.isTrue(asksForJson(["scan", "--bogus", "--json"]))
    assert.isFalse(asksForJson(["fingerprint", "--", "--json"]))
  })
})
