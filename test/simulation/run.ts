/**
 * `npm run simulate -- [--count N] [--seed FIRST]`: that many worlds, one a seed. A seed that fails is named; alone, with
 * `--count 1`, it is run again with all that the service said.
 */
import { parseArgs } from "node:util"
import { simulate } from "./world.ts"

const { values } = parseArgs({
  options: { count: { type: "string", default: "10000" }, seed: { type: "string", default: "0" } }
})
const [count, first] = [Number(values.count), Number(values.seed)]
const totals = { streams: 0, packets: 0, faults: 0 }
let failed = 0

for (let seed = first; seed < first + count; seed++) {
  try {
    const report = await simulate(seed, count === 1 ? (at, text) => console.log(at.toFixed(0), text) : undefined)
    totals.streams += report.streams
    totals.packets += report.packets
    totals.faults += report.faults
  } catch (error) {
    failed += 1
    console.error(String(error))
  }
  if (process.stderr.isTTY) process.stderr.write(`\r${seed - first + 1} of ${count}`)
}
console.log(`${count} worlds from seed ${first}: ${failed} failed; ${JSON.stringify(totals)}`)
process.exitCode = failed === 0 ? 0 : 1
