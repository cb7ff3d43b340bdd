import { describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { runInNewContext } from "node:vm"
import { assert } from "../support/assert.ts"

const text = readFileSync(new URL("../../bin/needsNode.cjs", import.meta.url), "utf8")

/** What it does in a Node of that version. */
const inNode = (version: string) => {
  const done = { status: 0, stderr: "" }
  const process = {
    versions: { node: version },
    stderr: { write: (words: string) => (done.stderr += words) },
    exit: (status: number) => (done.status = status)
  }
  const module = { exports: () => {} }
  const require = Object.assign(() => ({ engines: { node: ">=22.18" } }), { main: module })
  runInNewContext(text, { process, module, require })
  return done
}

describe("A Node that is too old", () => {
  it.each(["0.12.18", "8.17.0", "20.20.2", "22.0.0", "22.17.1"])(
    "%s is told what to do, in one sentence",
    (version) => {
      const { status, stderr } = inNode(version)
      assert.strictEqual(status, 1)
      assert.strictEqual(
        stderr,
        `lathe needs Node 22.18 or newer, and this is Node ${version}: install a newer one (https://nodejs.org/en/download), and start again.\n`
      )
    }
  )

  it.each(["22.18.0", "22.23.3", "23.0.0", "24.0.0", "100.1.0"])("is not %s", (version) => {
    assert.deepStrictEqual(inNode(version), { status: 0, stderr: "" })
  })
})
