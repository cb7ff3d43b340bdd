/** Runs mutated files through the analyzer in child processes: a crash or a hang costs one child and is recorded. */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { Schema } from "effect"
import { built } from "./built.ts"
import { MutantLine } from "./mutantAnalyzer.ts"

export interface MutantFault {
  readonly index: number
  /** The damage. */
  readonly words: string
  readonly fault: string
}

export interface MutantReport {
  readonly outcomes: ReadonlyMap<string, number>
  readonly faults: ReadonlyArray<MutantFault>
  readonly slowestMilliseconds: number
  readonly residentMiB: number
}

export interface MutantRunOptions {
  readonly seed: number
  /** Default 0. */
  readonly from?: number
  readonly count: number
  /** Keeps the files in this folder; default: a temporary one, which is removed. */
  readonly keepIn?: string
  readonly onEnded?: (index: number) => void
  /** Default: mutantAnalyzer.ts. */
  readonly analyzer?: string
  /** Per file. Default 20 s: one of less than a second takes some 30 ms, on the busiest machine a second. */
  readonly deadlineMs?: number
  readonly onFault?: (fault: MutantFault) => void
}

/** Starting Node and loading FFmpeg. */
const startDeadlineMs = 60_000
/** Of the process, with Node and FFmpeg in it (about 200 MiB): no small file may make it ask for more. */
const mostResidentMiB = 1024

const mutantAnalyzer = built("mutantAnalyzer")

export const runMutants = async (options: MutantRunOptions): Promise<MutantReport> => {
  const { analyzer = mutantAnalyzer, count, deadlineMs = 20_000, from = 0, keepIn, onEnded, onFault, seed } = options
  const folder = keepIn ?? mkdtempSync(join(tmpdir(), "lathe-mutants-"))
  const outcomes = new Map<string, number>()
  const faults: Array<MutantFault> = []
  let slowestMilliseconds = 0
  let residentMiB = 0

  const note = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)

  /** Returns the first index that is still to be done. */
  const runChild = (first: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const words = [analyzer, folder, String(seed), String(first), String(from + count)]
      const child = spawn(process.execPath, keepIn === undefined ? words : [...words, "keep"], {
        stdio: ["ignore", "pipe", "pipe"]
      })
      let stderr = ""
      let running: { readonly index: number; readonly words: string } | undefined
      let next = first
      let isHung = false
      const onTimeout = () => {
        isHung = true
        child.kill("SIGKILL")
      }
      let timer = setTimeout(onTimeout, startDeadlineMs)
      const record = (fault: string) => {
        if (running === undefined) return
        const { index, words } = running
        faults.push({ index, words, fault })
        onFault?.({ index, words, fault })
      }
      child.stderr.on("data", (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-2000)))
      createInterface(child.stdout).on("line", (text) => {
        clearTimeout(timer)
        timer = setTimeout(onTimeout, deadlineMs)
        const line = Schema.decodeSync(MutantLine)(text)
        if (line._tag === "Begun") {
          running = line
          return
        }
        note(line.outcome)
        if (line.fault !== "") record(line.fault)
        if (line.residentMiB > mostResidentMiB && residentMiB <= mostResidentMiB)
          record(`the process has grown to ${line.residentMiB.toFixed(0)} MiB`)
        slowestMilliseconds = Math.max(slowestMilliseconds, line.milliseconds)
        residentMiB = Math.max(residentMiB, line.residentMiB)
        running = undefined
        next = line.index + 1
        onEnded?.(line.index)
      })
      child.once("error", reject)
      child.once("close", (code, signal) => {
        clearTimeout(timer)
        if (running === undefined) {
          if (next >= from + count) return resolve(next)
          return reject(new Error(`The analysis of mutants ended by ${signal ?? code} between two files: ${stderr}`))
        }
        const how = isHung ? `no end within ${deadlineMs / 1000} s` : `the process ended by ${signal ?? code}`
        note(isHung ? "hang" : "crash")
        record(`${how} ${stderr}`.trim())
        resolve(running.index + 1)
      })
    })

  try {
    for (let next = from; next < from + count;) next = await runChild(next)
    return { outcomes, faults, slowestMilliseconds, residentMiB }
  } finally {
    if (keepIn === undefined) rmSync(folder, { recursive: true, force: true })
  }
}

/** The faults with what repeats them: further options of `npm run fuzz` are in `flags`. */
export const faultsInWords = (seed: number, faults: ReadonlyArray<MutantFault>, flags = ""): string =>
  faults
    .map(
      ({ fault, index, words }) =>
        `mutant ${index} of seed ${seed}, ${words}: ${fault}\n` +
        `  again: npm run fuzz -- --seed ${seed} --from ${index} --count 1 --keep FOLDER ${flags}`.trimEnd()
    )
    .join("\n")
