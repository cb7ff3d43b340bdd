/**
 * `npm run mutation -- src/domain/mastering`: breaks each file of a folder, or one file, in every small way that Stryker
 * knows, and runs the tests of that room, which lie in the same folder of `test`. What no test notices is printed, and
 * the scores go to bench/results/mutation.md. Takes minutes.
 */
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { cpus } from "node:os"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))
const reportPath = `${root}gen/mutation/report.json`
const resultsPath = `${root}bench/results/mutation.md`

interface Report {
  readonly files: Readonly<Record<string, { readonly mutants: ReadonlyArray<{ readonly status: string }> }>>
}

const counted = ["Killed", "Timeout", "Survived", "NoCoverage"] as const

const rowOf = (path: string, mutants: Report["files"][string]["mutants"]): string => {
  const [killed, timeout, survived, bare] = counted.map(
    (status) => mutants.filter((mutant) => mutant.status === status).length
  ) as [number, number, number, number]
  const all = killed + timeout + survived + bare
  const score = all === 0 ? "" : `${((100 * (killed + timeout)) / all).toFixed(1)} %`
  return `| ${path} | ${all} | ${killed} | ${timeout} | ${survived} | ${bare} | ${score} |`
}

/** Rows of files that were not broken this time stay, where the file is still there. */
const write = (mutated: string, report: Report): string => {
  const isFresh = (path: string) => path === mutated || path.startsWith(`${mutated}/`)
  const before = existsSync(resultsPath) ? (readFileSync(resultsPath, "utf8").match(/^\| src\/.*$/gm) ?? []) : []
  const kept = before.filter((row) => {
    const path = row.slice(2).split(" ", 1)[0]!
    return !isFresh(path) && existsSync(root + path)
  })
  const rows = [...kept, ...Object.entries(report.files).map(([path, { mutants }]) => rowOf(path, mutants))].toSorted()
  const text = [
    "# Small faults that the tests notice",
    "",
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model.trim() ?? "unknown CPU"}, ${cpus().length} cores, Node ${process.versions.node}.`,
    "Command: `npm run mutation -- FOLDER`. A mutant is a file with one small fault in it; it is killed where a test of its room fails.",
    "One that runs for ever counts as killed. Some cannot be: what they change makes no difference.",
    "",
    "| file | mutants | killed | timed out | survived | in no test | score |",
    "|---|---|---|---|---|---|---|",
    ...rows,
    ""
  ].join("\n")
  writeFileSync(resultsPath, text)
  return text
}

const mutated = process.argv[2]?.replace(/\/+$/, "")
if (mutated === undefined || !mutated.startsWith("src/") || !existsSync(root + mutated)) {
  console.error("Name a folder or a file of src: npm run mutation -- src/domain/mastering")
  process.exitCode = 2
} else {
  const isFolder = statSync(root + mutated).isDirectory()
  const room = (isFolder ? mutated : dirname(mutated)).slice("src/".length)
  const words = ["run", "test/mutation/stryker.config.json", "--mutate", isFolder ? `${mutated}/**/*.ts` : mutated]
  const { status } = spawnSync("node_modules/.bin/stryker", words, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, LATHE_MUTATED_ROOM: room }
  })
  if (status === 0) console.log(write(mutated, JSON.parse(readFileSync(reportPath, "utf8")) as Report))
  process.exitCode = status ?? 1
}
