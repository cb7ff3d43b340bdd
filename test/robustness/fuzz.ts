/**
 * `npm run fuzz -- [--count 2000] [--seed 1] [--from 0] [--keep FOLDER] [--structured [--largest BYTES]]`: mutated audio files through the
 * analyzer, and a table of what came of them. Structured: their counts, sizes, nesting and repetition are damaged, and the
 * worker processes of the service read their tags and pictures, and analyse them. Ends with 1 where one came out other
 * than by a result or a typed error.
 */
import { parseArgs } from "node:util"
import { faultsInWords, runMutants } from "../support/mutantRuns.ts"
import { defaultLargest } from "../support/structuredMutations.ts"
import { runStructured } from "../support/structuredRuns.ts"

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    keep: { type: "string" },
    structured: { type: "boolean", default: false },
    largest: { type: "string", default: String(defaultLargest) }
  }
})
const [count, seed, from] = [values.count, values.seed, values.from].map(Number) as [number, number, number]

const largest = Number(values.largest)
const flags = values.structured ? `--structured --largest ${largest}` : ""
let ended = 0

const report = await (values.structured ? runStructured : runMutants)({
  seed,
  from,
  count,
  largest,
  ...(values.keep === undefined ? {} : { keepIn: values.keep }),
  onEnded: () => {
    if (++ended % 100 === 0) console.error(`${ended} of ${count}`)
  },
  onFault: (fault) => console.error(faultsInWords(seed, [fault], flags))
})

console.log(`| outcome | of ${count} files, seed ${seed} |\n|---|---|`)
for (const [outcome, n] of [...report.outcomes].toSorted((a, b) => b[1] - a[1])) console.log(`| ${outcome} | ${n} |`)
console.log(
  `\nSlowest ${report.slowestMilliseconds.toFixed(0)} ms; largest resident memory ${report.residentMiB.toFixed(0)} MiB; faults ${report.faults.length}.`
)
if (report.faults.length > 0) process.exitCode = 1
