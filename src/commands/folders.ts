/** Folders that a command line names. */
import { Effect } from "effect"
import { statSync } from "node:fs"
import { resolve } from "node:path"
import { UsageError } from "./UsageError.ts"

const complaintAbout = (path: string): string | undefined => {
  try {
    return statSync(path).isDirectory() ? undefined : "it is a file"
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error)
    return code === "ENOENT" || code === "ENOTDIR" ? "it does not exist" : `it cannot be read (${code})`
  }
}

/** The absolute path of a folder that is there. `where` begins the sentence where it is none. */
export const existingFolder = (
  folder: string,
  where = "",
  advice = "Name a folder that is there"
): Effect.Effect<string, UsageError> =>
  Effect.suspend(() => {
    const path = resolve(folder)
    const complaint = complaintAbout(path)
    return complaint === undefined
      ? Effect.succeed(path)
      : new UsageError({ code: "invalid_folder", message: `${where}${folder} is no folder: ${complaint}. ${advice}.` })
  })

export const musicFolder = (folder: string): Effect.Effect<string, UsageError> =>
  existingFolder(folder, "", "Name the folder that holds the music")
