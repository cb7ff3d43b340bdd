/**
 * The service as it is run: each entry point of `src`, with all that it needs, in `gen/service`. Node loads a few files
 * there instead of a thousand, so that a process starts in a third of the time and takes half of the memory.
 * `node esbuild.config.ts`, a part of `npm run prepare`.
 */
import { build } from "esbuild"
import { rmSync } from "node:fs"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL(".", import.meta.url))

const entryPoints = ["src/cli.ts", "src/renderWorker.ts", "src/analysisWorker.ts", "src/demoWorker.ts"]

/** @param outdir A folder two levels below the root: see src/layers/entryPoints.ts. */
export const buildService = (outdir: string, furtherEntryPoints: ReadonlyArray<string> = []) => {
  rmSync(new URL(outdir, import.meta.url), { recursive: true, force: true })
  return build({
    absWorkingDir: root,
    entryPoints: [...entryPoints, ...furtherEntryPoints],
    outdir,
    entryNames: "[name]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22",
    // Native code, which finds its files beside itself.
    external: ["node-av", "better-sqlite3"],
    // For what is written as CommonJS and asks for Node's own modules.
    banner: {
      js: 'import { createRequire as createRequire_ } from "node:module"; const require = createRequire_(import.meta.url);'
    },
    logLevel: "warning"
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildService("gen/service")
