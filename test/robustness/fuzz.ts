/**
 * `npm run fuzz -- [--count 2000] [--seed 1] [--from 0] [--keep FOLDER]`: mutated audio files through the analyzer, and a table of
 * what came of them. Ends with 1 where one came out other than by an analysis or a typed error.
 */
import { parseArgs } from "node:util"
import { faultsInWords, runMutants } from "../support/mutantRuns.ts"

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    keep: { type: "string" }
  }
})
const [count, seed, from] = [values.count, values.seed, values.from].map(Number) as [number, number, number]

const report = await runMutants({
  seed,
  from,
  count,
  ...(values.keep === undefined ? {} : { keepIn: values.keep }),
  onEnded: (index) => {
    if ((index + 1 - from) % 100 === 0) console.error(`${index + 1 - from} of ${count}`)
  },
  onFault: (fault) => console.error(faultsInWords(seed, [fault]))
})

console.log(`| outcome | of ${count} files, seed ${seed} |\n|---|---|`)
for (const [outcome, n] of [...report.outcomes].toSorted((a, b) => b[1] - a[1])) console.log(`| ${outcome} | ${n} |`)
console.log(
  `\nSlowest ${report.slowestMilliseconds.toFixed(0)} ms; largest resident memory ${report.residentMiB.toFixed(0)} MiB; faults ${report.faults.length}.`
)
if (report.faults.length > 0) process.exitCode = 1
