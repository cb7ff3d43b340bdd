/** Where lathe's own entry points and files are: those of the build in gen/service, or those of src where it runs from source. */
import { fileURLToPath } from "node:url"

export type EntryPoint = "cli" | "renderWorker" | "analysisWorker" | "demoWorker"

/** The build puts all files into one folder, as deep as this one: what is above both is found from either. */
const isBuilt = import.meta.url.endsWith(".js")

/** Absolute path of what `node`, or a thread, starts. */
export const entryPoint = (name: EntryPoint): string =>
  fileURLToPath(new URL(isBuilt ? `./${name}.js` : `../${name}.ts`, import.meta.url))

/** Absolute path of what the build makes. */
export const generated = (path: string): string => fileURLToPath(new URL(`../../gen/${path}`, import.meta.url))
