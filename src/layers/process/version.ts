import { readFileSync } from "node:fs"
import { packageFile } from "./entryPoints.ts"

/** Of lathe, as its package.json has it. */
export const { version } = JSON.parse(readFileSync(packageFile, "utf8")) as {
  readonly version: string
}
