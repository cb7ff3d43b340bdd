/** Search for words, each of which begins one of a row's own: of all tracks by FTS5, of albums and artists by their text. */
import type { SqlClient } from "@effect/sql"
import { Effect } from "effect"
import { foldWords } from "../../domain/library/SearchText.ts"
import { countTracks } from "./libraryCounts.ts"
import { all, countOf } from "./listing.ts"

/** More matches are not sorted for a page. */
const mostFoundToSort = 1000

/** A longer search is cut here: more words find nothing that fewer do not. */
const mostWords = 16

/** undefined: not searched at all; null: searched for what has no word. */
export const wordsOf = (search: string | undefined): ReadonlyArray<string> | null | undefined => {
  if (search === undefined || search.trim() === "") return undefined
  const words = foldWords(search).split(" ").filter(Boolean).slice(0, mostWords)
  return words.length === 0 ? null : words
}

/** Without an index: every word of a text is behind a space. */
export const wordConditions = (column: string, words: ReadonlyArray<string>) => ({
  where: words.map(() => `instr(${column}, ?) > 0`),
  parameters: words.map((word) => ` ${word}`)
})

/**
 * Few matches: their ids, of which the page is sorted. Many: the page walks its sort index and picks them, from the
 * set of all matches; or, where most tracks match, by looking at the text of each.
 */
export const findTracks = (sql: SqlClient.SqlClient, words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    // FTS5: each word begins one of the track's. Words hold letters and digits only.
    const match = words.map((word) => `"${word}"*`).join(" ")
    const matches = "SELECT rowid FROM track_search WHERE track_search MATCH ?"
    const some = yield* all<{ readonly rowid: number }>(sql, `${matches} LIMIT ${mostFoundToSort + 1}`, [match])
    if (some.length <= mostFoundToSort) {
      const ids = JSON.stringify(some.map(({ rowid }) => rowid))
      const where = ["tracks.id IN (SELECT value FROM json_each(?))"]
      return { by: "ids", total: some.length, where, parameters: [ids] } as const
    }
    const total = yield* countOf(sql, `SELECT count(*) AS count FROM (${matches})`, [match])
    if (total <= (yield* countTracks(sql)) / 2) {
      return { by: "set", total, where: [`tracks.id IN (${matches})`], parameters: [match] } as const
    }
    return { by: "text", total, ...wordConditions("tracks.search_text", words) } as const
  })
