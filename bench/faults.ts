/** What listeners notice of each fault, and how long what died is away. `npm run bench -- faults`; some three minutes. */
import { Effect } from "effect"
import { scenarios } from "../test/support/faultScenarios.ts"
import { report } from "./support/measure.ts"

const seconds = (ms: number) => (ms / 1000).toFixed(1)

const rows: Array<string> = []
for (const { fault, obstacle, run } of scenarios) {
  const reason = obstacle()
  if (reason !== undefined) {
    rows.push(`| ${fault} | not measured: ${reason} | | | | |`)
    continue
  }
  const { backAfterMs, listeners, mends, storeProblems } = await Effect.runPromise(Effect.scoped(run))
  const silence = Math.max(...listeners.map(({ silenceMs }) => silenceMs))
  const wait = Math.max(...listeners.map(({ longestWaitMs }) => longestWaitMs))
  const faults = listeners.reduce((sum, { faults }) => sum + faults.length, 0) + storeProblems.length
  const incomplete = listeners.filter(({ end }) => end !== "completed")
  const noticed =
    incomplete.length === 0 ? "" : `; ${incomplete.map(({ end, name }) => `${name}: "${end}"`).join("; ")}`
  const away = backAfterMs === null || backAfterMs < 50 ? "" : seconds(backAfterMs)
  rows.push(`| ${fault} | ${seconds(silence)}${noticed} | ${seconds(wait)} | ${faults} | ${mends} | ${away} |`)
  console.error(rows.at(-1))
}

report(
  "faults",
  "Faults, and what listeners notice",
  [
    "The real service on real files. Four listeners with 2 s of buffer each: two mastered streams, the original, and a mastered",
    "stream that is begun during the fault, of a track that nobody has measured. Seconds.",
    "",
    "| fault | most silence | longest wait for a packet | samples lost or twice, rows invalid | what mends it | after |",
    "|---|---|---|---|---|---|",
    ...rows
  ].join("\n")
)
process.exit(0)
