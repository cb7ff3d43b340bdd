/** What the file system says, as the error that a person reads. */
import { basename } from "node:path"
import { AudioWriteError, type AudioWriteReason } from "../../domain/audio/AudioWriteError.ts"

const reasons: Readonly<Record<string, AudioWriteReason>> = {
  ENOENT: "folder_missing",
  ENOTDIR: "folder_missing",
  EACCES: "denied",
  EPERM: "denied",
  EROFS: "denied",
  EISDIR: "directory",
  ENOSPC: "disk_full",
  EDQUOT: "disk_full",
  EFBIG: "disk_full"
}

/** The typed error for what a call of node:fs threw. */
export const writeErrorFrom = (path: string, cause: unknown): AudioWriteError => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)
  return new AudioWriteError({ file: basename(path), reason: reasons[code] ?? "failed", detail: code })
}
