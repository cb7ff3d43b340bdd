/**
 * `npm run simulate -- [--count N] [--seed FIRST]`: that many worlds, one a seed, over as many processes as there are cores. A
 * seed that fails is named; alone, with `--count 1`, it is run again with all that the service said.
 */
import { spawn } from "node:child_process"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { simulate } from "./world.ts"

interface Totals {
  readonly worlds: number
  readonly failed: number
  readonly streams: number
  readonly packets: number
  readonly faults: number
}

const none: Totals = { worlds: 0, failed: 0, streams: 0, packets: 0, faults: 0 }

const sum = (one: Totals, other: Totals): Totals => ({
  worlds: one.worlds + other.worlds,
  failed: one.failed + other.failed,
  streams: one.streams + other.streams,
  packets: one.packets + other.packets,
  faults: one.faults + other.faults
})

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "10000" },
    seed: { type: "string", default: "0" },
    /** How many processes; 1 is this one, which then prints its totals as JSON. */
    processes: { type: "string", default: String(availableParallelism()) }
  }
})
const [count, first, processes] = [Number(values.count), Number(values.seed), Number(values.processes)]

const runHere = async (): Promise<Totals> => {
  let totals = none
  for (let seed = first; seed < first + count; seed++) {
    try {
      const { faults, packets, streams } = await simulate(
        seed,
        count === 1 ? (at, text) => console.log(at.toFixed(0), text) : undefined
      )
      totals = sum(totals, { worlds: 1, failed: 0, streams, packets, faults })
    } catch (error) {
      totals = sum(totals, { ...none, worlds: 1, failed: 1 })
      console.error(String(error))
    }
  }
  return totals
}

const runBeside = (seed: number, count: number): Promise<Totals> =>
  new Promise((resolve, reject) => {
    const words = ["--seed", String(seed), "--count", String(count), "--processes", "1"]
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...words], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    let stdout = ""
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()))
    child.once("close", (code, signal) => {
      const last = stdout.trim().split("\n").at(-1) ?? ""
      if (last.startsWith("{")) resolve(JSON.parse(last) as Totals)
      else reject(new Error(`Seeds ${seed} to ${seed + count - 1} ended by ${signal ?? code}.`))
    })
  })

const report = ({ failed, worlds, ...totals }: Totals) => {
  console.log(`${worlds} worlds from seed ${first}: ${failed} failed; ${JSON.stringify(totals)}`)
  process.exitCode = failed === 0 && worlds === count ? 0 : 1
}

if (processes === 1) {
  const totals = await runHere()
  console.log(JSON.stringify(totals))
  process.exitCode = totals.failed === 0 ? 0 : 1
} else if (count < 2 * processes) {
  report(await runHere())
} else {
  const shares = Array.from({ length: processes }, (_, n) => Math.floor((count * n) / processes))
  const runs = shares.map((from, n) => runBeside(first + from, (shares[n + 1] ?? count) - from))
  report((await Promise.all(runs)).reduce(sum, none))
}
