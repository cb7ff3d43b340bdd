/** The folder of the database, made where it is missing. */
import { accessSync, constants, mkdirSync, statSync } from "node:fs"
import { dirname } from "node:path"

/** Those above, nearest first, that are not there; throws where one of them cannot be looked at. */
const missingAbove = (path: string): ReadonlyArray<string> => {
  const entry = statSync(path, { throwIfNoEntry: false })
  if (entry?.isDirectory() === true) return []
  if (entry !== undefined) throw Object.assign(new Error(`${path} is a file`), { code: "ENOTDIR" })
  return [path, ...missingAbove(dirname(path))]
}

const makeOne = (path: string) => {
  try {
    mkdirSync(path)
  } catch (error) {
    // Another process was faster.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error
  }
}

/**
 * Throws what the system says where it cannot be made or written. One folder at a time: Node's recursive `mkdir` does not
 * end where a file system, as that below /proc, denies that a folder is there and makes none.
 */
export const makeDataFolder = (path: string): void => {
  for (const folder of missingAbove(path).toReversed()) makeOne(folder)
  accessSync(path, constants.W_OK | constants.X_OK)
}
