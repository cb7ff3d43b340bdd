/**
 * `npm run fuzz:protocol -- [--count 100000] [--seed 1]`: any messages, in any order, to stream sessions and to a connection
 * of the RPC, and what came of them. Ends with 1 where a session broke its protocol or left something behind.
 */
import { Effect, Logger, LogLevel } from "effect"
import { parseArgs } from "node:util"
import { fuzzProtocol } from "../support/protocolFuzz.ts"
import { fuzzRpc } from "../support/rpcFuzz.ts"

const { values } = parseArgs({
  options: { count: { type: "string", default: "100000" }, seed: { type: "string", default: "1" } }
})
const [count, seed] = [values.count, values.seed].map(Number) as [number, number]

const onThousand = (messages: number) => {
  if (messages % 10_000 === 0) console.error(`${messages} of ${count}`)
}
const { faults, ...counts } = await Effect.runPromise(
  fuzzProtocol({ seed, count, onThousand }).pipe(Logger.withMinimumLogLevel(LogLevel.None))
)

console.log(`| of ${count} messages, seed ${seed} | |\n|---|---|`)
for (const [name, n] of Object.entries(counts)) console.log(`| ${name} | ${n} |`)
const rpc = await Effect.runPromise(fuzzRpc({ seed, count }))
for (const name of ["calls", "answers", "refusals"] as const) console.log(`| rpc: ${name} | ${rpc[name]} |`)
for (const fault of [...faults, ...rpc.faults]) console.error(fault)
if (faults.length + rpc.faults.length > 0) process.exitCode = 1
