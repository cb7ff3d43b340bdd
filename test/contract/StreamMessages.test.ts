/** The schemas and docs/protocol.md name the same messages, fields and codes. */
import { describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { clientData, ErrorCode, ServerMessage } from "../../src/contract/StreamMessages.ts"
import { assert } from "../support/assert.ts"

const protocol = readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8")

const clientFields = Object.fromEntries(
  Object.entries(clientData).map(([type, schema]) => {
    const { fields } = "fields" in schema ? schema : schema.from
    return [type, Object.keys(fields)] as const
  })
)
const serverFields = Object.fromEntries(
  ServerMessage.members.map(({ fields: { data, type } }) => [type.literals[0], Object.keys(data.fields)] as const)
)

/** The rows of the tables below a heading: the words in code font of the first cell, and the second cell. */
const rowsBelow = (heading: string) => {
  const [, section = ""] = protocol.split(`## ${heading}\n`)
  return section
    .split("\n## ")[0]!
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => {
      const [, names = "", data = ""] = line.split("|")
      return { names: wordsOf(names), data: wordsOf(data) }
    })
}

const wordsOf = (cell: string): Array<string> => [...cell.matchAll(/`(\w+)`/g)].map(([, word]) => word!)

const documented = (heading: string) => rowsBelow(heading).flatMap(({ names }) => names)

const assertTable = (heading: string, fields: Readonly<Record<string, ReadonlyArray<string>>>) => {
  assert.deepStrictEqual(documented(heading).sort(), Object.keys(fields).sort())
  for (const { data, names } of rowsBelow(heading)) {
    for (const name of names) assert.deepStrictEqual([...data].sort(), [...fields[name]!].sort(), name)
  }
}

describe("docs/protocol.md", () => {
  it("names every message that a client may send, with its fields, and no other", () => {
    assertTable("Client to server", clientFields)
  })

  it("names every message that the server sends, with its fields, and no other", () => {
    assertTable("Server to client", serverFields)
  })

  it("names every error code, and no other", () => {
    assert.deepStrictEqual(documented("Error codes").sort(), [...ErrorCode.literals].sort())
  })
})
