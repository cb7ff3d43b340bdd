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

/**
 * What a look at a path has shown: a regular file; nothing that belongs here (no file, a link that leads out, gone);
 * or nothing at all, since the system did not let it be looked at: that says nothing about the file.
 */
export type Look =
  | { readonly is: "file"; readonly version: FileVersion }
  | { readonly is: "none" }
  | { readonly is: "unseen"; readonly cause: unknown }

/** A regular file that is really below the folder. */
export const lookBelow = async (folder: string, path: string): Promise<Look> => {
  try {
    const file = await stat(path)
    if (!file.isFile() || !(await realpath(path)).startsWith(folder + sep)) return { is: "none" }
    return { is: "file", version: { size: file.size, mtime_ms: file.mtimeMs } }
  } catch (cause) {
    return saysGone(cause) ? { is: "none" } : { is: "unseen", cause }
  }
}

export const hasCode = (error: unknown, ...codes: ReadonlyArray<string>): boolean =>
  error instanceof Error && "code" in error && codes.includes(String(error.code))

/** Only these say that there is nothing; all others (EACCES, EIO, ESTALE, ...) pass, or are mended. */
export const saysGone = (error: unknown): boolean => hasCode(error, "ENOENT", "ENOTDIR")

/** Whether a path leads to nothing, as against to what cannot be looked at just now. */
export const isGone = async (path: string): Promise<boolean> => {
  try {
    await stat(path)
    return false
  } catch (error) {
    return saysGone(error)
  }
}
