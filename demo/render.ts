/**
 * Renders the demo pieces into a folder of music, which `lathe serve` plays where none is named. `node demo/render.ts`, a
 * part of `npm run prepare`, renders them into gen/demo, and nothing where they are there as the sources have them.
 */
import { build } from "esbuild"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { basename, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import { type DemoPiece, demoPieces } from "./DemoPieces.ts"
import type { PieceOrder } from "./pieceWorker.ts"

const root = fileURLToPath(new URL("..", import.meta.url))

/** Within the folder, and no music: what its pieces were made from, as `sourceHash` says it. */
const sourceFile = ".made-from"

/**
 * Of all that decides the bytes of a piece: the program that makes it, down to the last file that it imports, comments left
 * out, and the encoder. The same for the same sources in another place.
 *
 * @param checkout Absolute path of the checkout whose demo it is.
 */
export const sourceHash = async (checkout: string = root): Promise<string> => {
  const { outputFiles } = await build({
    absWorkingDir: checkout,
    entryPoints: ["demo/pieceWorker.ts"],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    external: ["node-av"],
    legalComments: "none",
    logLevel: "warning"
  })
  const { dependencies } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8"))
  const hash = createHash("sha256").update(`node-av ${dependencies["node-av"]}\n`)
  for (const { contents } of outputFiles) hash.update(contents)
  return hash.digest("hex")
}

const renderPiece = (order: PieceOrder) =>
  new Promise<void>((resolve, reject) => {
    const thread = new Worker(new URL("./pieceWorker.ts", import.meta.url), { workerData: order })
    thread.once("error", reject)
    thread.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`${order.fileName}: exit code ${code}`))))
  })

/** As many at a time as there are cores: a piece takes up to 150 MB while it is made. */
const renderPieces = async (pieces: ReadonlyArray<DemoPiece>, folder: string, sampleRate: number) => {
  const waiting = pieces.values()
  const core = async () => {
    for (const { fileName } of waiting) await renderPiece({ fileName, sampleRate, path: join(folder, fileName) })
  }
  await Promise.all(Array.from({ length: availableParallelism() }, core))
}

const isWhole = (folder: string, source: string, pieces: ReadonlyArray<DemoPiece>): boolean =>
  existsSync(join(folder, sourceFile)) &&
  readFileSync(join(folder, sourceFile), "utf8") === source &&
  pieces.every(({ fileName }) => existsSync(join(folder, fileName)))

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** A render works in a folder of its own, beside the one that it makes and named by its process. */
const removeAbandoned = (folder: string) => {
  const ofProcess = new RegExp(`^${basename(folder)}-(\\d+)\\.tmp$`)
  for (const name of readdirSync(dirname(folder))) {
    const pid = ofProcess.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid)))
      rmSync(join(dirname(folder), name), { recursive: true, force: true })
  }
}

export interface RenderOptions {
  /** Hz. Default 44 100. */
  readonly sampleRate?: number
  /** What decides the bytes of a piece. Default: the `sourceHash` of this checkout. */
  readonly source?: string
  /** Default: all. */
  readonly pieces?: ReadonlyArray<DemoPiece>
}

/**
 * Makes `folder` (absolute) hold the demo pieces, as FLAC of 24 bits. It takes its name when it is whole: until then, and
 * after a failure, what was there before stays. False where it was there already, made from the same source.
 */
export const renderDemo = async (folder: string, options: RenderOptions = {}): Promise<boolean> => {
  const { pieces = demoPieces, sampleRate = 44_100 } = options
  const source = `${options.source ?? (await sourceHash())} at ${sampleRate} Hz`
  if (isWhole(folder, source, pieces)) return false
  mkdirSync(dirname(folder), { recursive: true })
  removeAbandoned(folder)
  const fresh = `${folder}-${process.pid}.tmp`
  try {
    mkdirSync(fresh)
    await renderPieces(pieces, fresh, sampleRate)
    writeFileSync(join(fresh, sourceFile), source, { flush: true })
    rmSync(folder, { recursive: true, force: true })
    renameSync(fresh, folder)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
  return true
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const begun = performance.now()
  if (await renderDemo(join(root, "gen/demo"))) {
    const seconds = ((performance.now() - begun) / 1000).toFixed(1)
    console.log(`Rendered ${demoPieces.length} demo pieces into gen/demo in ${seconds} s.`)
  }
}
