import { flushCompileCache } from "node:module"

/** From the start: what a process needs to be ready has been loaded by then. */
const delayMs = 1000

/** Writes what Node has compiled to its cache, where one is set: a process that is killed later leaves it behind. */
export const keepCompiled = (): void => {
  setTimeout(() => flushCompileCache(), delayMs).unref()
}
