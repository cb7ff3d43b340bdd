/**
 * What tests and benchmarks start as a process of its own, built as lathe is built for its users: from `src` as it is
 * now, beside what users run, and with the processes that only tests have.
 */
import { existsSync, readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { buildService } from "../../esbuild.config.ts"

const folder = "gen/test"
const root = fileURLToPath(new URL("../..", import.meta.url))

const processes = [
  "endlessRenderWorker",
  "faultyFingerprintServer",
  "faultyService",
  "fingerprintServerProcess",
  "mutantAnalyzer",
  "scriptedAnalysisWorker",
  "scriptedFingerprintServer",
  "scriptedRenderWorker"
] as const

export type Built = "cli" | "renderWorker" | "analysisWorker" | "probeWorker" | (typeof processes)[number]

/** Absolute path of what `node` starts. */
export const built = (name: Built): string => join(root, folder, `${name}.js`)

const newestChange = (directory: string): number =>
  Math.max(
    ...readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs)
  )

/** Builds it unless nothing has changed since. Before all that asks for `built`; of vitest, the global setup. */
export const buildForTests = async (): Promise<void> => {
  const output = built("cli")
  const changed = Math.max(
    ...["src", "test/support", "gen/lathe", "gen/grpc"].map(newestChange),
    ...["package-lock.json", "esbuild.config.ts"].map((file) => statSync(join(root, file)).mtimeMs)
  )
  if (existsSync(output) && statSync(output).mtimeMs > changed) return
  await buildService(
    folder,
    processes.map((name) => `test/support/${name}.ts`)
  )
}

export default buildForTests
