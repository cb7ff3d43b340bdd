/** Where lathe's own entry points and files are: those of the build in gen/service, or those of src where it runs from source. */
import { fileURLToPath } from "node:url"

export type EntryPoint = "cli" | "renderWorker" | "analysisWorker" | "probeWorker"

/** The build puts all files into one folder, two below the root; this one is three below it. */
const isBuilt = import.meta.url.endsWith(".js")
const [ownRoot, root] = isBuilt ? [".", "../.."] : ["../..", "../../.."]

const resolve = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Absolute path of what `node`, or a thread, starts. */
export const entryPoint = (name: EntryPoint): string => resolve(`${ownRoot}/${name}.${isBuilt ? "js" : "ts"}`)

/** Absolute path of what the build makes. */
export const generated = (path: string): string => resolve(`${root}/gen/${path}`)

/** Absolute path of lathe's own package.json. */
export const packageFile = resolve(`${root}/package.json`)
