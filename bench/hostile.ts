/** How long the service takes to start over a folder with hostile files, and the longest gap that listeners hear meanwhile. */
import { Effect } from "effect"
import { runHostileFolder } from "../test/support/hostileFolder.ts"
import { report } from "./support/measure.ts"

const rows: Array<string> = []
for (const isHostile of [false, true]) {
  const { listeners, missing, startMs, unreadable } = await Effect.runPromise(
    Effect.scoped(runHostileFolder(isHostile, true))
  )
  const silence = Math.max(...listeners.map(({ silenceMs }) => silenceMs))
  const wait = Math.max(...listeners.map(({ longestWaitMs }) => longestWaitMs))
  const lost = listeners.reduce((sum, { faults }) => sum + faults.length, 0)
  const name = isHostile ? "13 hostile files beside the music" : "music alone"
  const refused = Object.keys(unreadable).length
  rows.push(
    `| ${name} | ${(startMs / 1000).toFixed(1)} s | ${Math.round(silence)} ms | ${Math.round(wait)} ms | ${lost} | ${refused} | ${missing.length} |`
  )
  console.error(rows.at(-1))
}

report(
  "hostile",
  "A folder with hostile files, and what listeners notice",
  [
    "Three listeners with 2 s of buffer each play thirty seconds while the folder is scanned, watched and drawn.",
    "The hostile files: test/support/hostileFiles.ts.",
    "",
    "| folder | start | longest gap | longest wait for a packet | samples lost or twice | unreadable, with a reason | neither listed nor told |",
    "|---|---|---|---|---|---|---|",
    ...rows
  ].join("\n")
)
process.exit(0)
