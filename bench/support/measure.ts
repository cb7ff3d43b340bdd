/** Measuring whole processes, and writing down what was measured. */
import { spawn } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { cpus } from "node:os"

/** Linux counts CPU time in ticks of 10 ms (USER_HZ is 100 on every architecture that Node runs on). */
const ticksPerSecond = 100

/** CPU seconds of all ended children of this process, user and system (proc(5), fields cutime and cstime). */
const childrenCpuSeconds = (): number => {
  const stat = readFileSync("/proc/self/stat", "utf8")
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond
}

export interface ProcessRun {
  readonly cpuSeconds: number
  readonly wallSeconds: number
  readonly stdout: string
}

/** Runs a command to its end; fails where it does. */
export const runProcess = (
  command: string,
  words: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {}
): Promise<ProcessRun> =>
  new Promise((resolve, reject) => {
    const cpuBefore = childrenCpuSeconds()
    const start = performance.now()
    const child = spawn(command, words, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...environment } })
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()))
    child.once("error", reject)
    child.once("close", (code) =>
      code === 0
        ? resolve({
            cpuSeconds: childrenCpuSeconds() - cpuBefore,
            wallSeconds: (performance.now() - start) / 1000,
            stdout
          })
        : reject(new Error(`${command} ended with ${code}: ${stderr.slice(-500)}`))
    )
  })

export const isInstalled = (command: string): Promise<boolean> =>
  runProcess("sh", ["-c", `command -v ${command}`]).then(
    () => true,
    () => false
  )

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Runs each in turn, `rounds` times over: what disturbs the machine disturbs all of them. */
export const inTurn = async <Name extends string>(
  rounds: number,
  runs: Readonly<Record<Name, () => Promise<number>>>
): Promise<Readonly<Record<Name, ReadonlyArray<number>>>> => {
  const names = Object.keys(runs) as Array<Name>
  const results = Object.fromEntries(names.map((name) => [name, [] as Array<number>])) as Record<Name, Array<number>>
  for (let round = 0; round < rounds; round++) {
    for (const name of names) results[name].push(await runs[name]())
  }
  return results
}

/** Prints a result and writes it to bench/results, with the machine, the command and the date. */
export const report = (name: string, title: string, body: string): void => {
  const [cpu] = cpus()
  const text = [
    `# ${title}`,
    "",
    `${new Date().toISOString().slice(0, 10)}, ${cpu?.model.trim() ?? "unknown CPU"}, ${cpus().length} cores, Node ${process.versions.node}.`,
    `Command: \`npm run bench -- ${name}\`. The machine is shared: read ratios, not times.`,
    "",
    body,
    ""
  ].join("\n")
  console.log(text)
  writeFileSync(new URL(`../results/${name}.md`, import.meta.url), text)
}
