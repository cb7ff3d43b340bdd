/** Which files of a folder are music, and which content they have now. */
import { realpath, stat } from "node:fs/promises"
import { basename, extname, sep } from "node:path"
import type { FileVersion } from "../../domain/library/Track.ts"

const audioExtensions: ReadonlySet<string> = new Set([
  ".wav",
  ".wave",
  ".aif",
  ".aiff",
  ".aifc",
  ".flac",
  ".mp3",
  ".m4a",
  ".mp4",
  ".aac",
  ".ogg",
  ".oga",
  ".opus"
])

export const isHidden = (path: string): boolean => basename(path).startsWith(".")

export const isAudioName = (path: string): boolean =>
  !isHidden(path) && audioExtensions.has(extname(path).toLowerCase())

export const versionOf = async (path: string): Promise<FileVersion> => {
  const { size, mtimeMs } = await stat(path)
  return { size, mtime_ms: mtimeMs }
}

/** The version of a regular file that is really below the folder; undefined for pipes, links that lead out, and what is gone. */
export const versionBelow = async (folder: string, path: string): Promise<FileVersion | undefined> => {
  try {
    const file = await stat(path)
    if (!file.isFile() || !(await realpath(path)).startsWith(folder + sep)) return undefined
    return { size: file.size, mtime_ms: file.mtimeMs }
  } catch {
    return undefined
  }
}

export const hasCode = (error: unknown, ...codes: ReadonlyArray<string>): boolean =>
  error instanceof Error && "code" in error && codes.includes(String(error.code))

/** Whether a path leads to nothing, as against to what cannot be looked at just now. */
export const isGone = async (path: string): Promise<boolean> => {
  try {
    await stat(path)
    return false
  } catch (error) {
    return hasCode(error, "ENOENT", "ENOTDIR")
  }
}
