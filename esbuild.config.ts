/**
 * The service as it is run: each entry point of `src`, with all that it needs, in `gen/service`. Node loads a few files
 * there instead of a thousand, so that a process starts in a third of the time and takes half of the memory.
 * `node esbuild.config.ts`, a part of `npm run prepare`.
 */
import { build, type Metafile } from "esbuild"
import { renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL(".", import.meta.url))

const entryPoints = ["src/cli.ts", "src/renderWorker.ts", "src/analysisWorker.ts", "src/probeWorker.ts"]

/**
 * Resolves to what esbuild says of the files that it has read and written.
 *
 * @param outdir A folder two levels below the root: see src/layers/process/entryPoints.ts.
 */
export const buildService = async (
  outdir: string,
  furtherEntryPoints: ReadonlyArray<string> = []
): Promise<Metafile> => {
  const fresh = `${outdir}-new`
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [...entryPoints, ...furtherEntryPoints],
    outdir: fresh,
    entryNames: "[name]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22",
    // Native code, which finds its files beside itself. That of node-av is in packages of its own, one a platform.
    external: ["better-sqlite3", "msgpackr-extract"],
    // Its native part is optional, and slower for what lathe says by it.
    define: { "process.env.MSGPACKR_NATIVE_ACCELERATION_DISABLED": '"true"' },
    // For what is written as CommonJS and asks for Node's own modules.
    banner: {
      js: 'import { createRequire as createRequire_ } from "node:module"; const require = createRequire_(import.meta.url);'
    },
    metafile: true,
    logLevel: "warning"
  })
  // What runs from the old build misses it for no longer than this.
  rmSync(join(root, outdir), { recursive: true, force: true })
  renameSync(join(root, fresh), join(root, outdir))
  return metafile
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildService("gen/service")
