import { readFileSync } from "node:fs"

/** Of lathe, as its package.json has it. */
export const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly version: string
}
