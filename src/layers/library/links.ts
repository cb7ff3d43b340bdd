/**
 * Where links of the music folders may lead: one list for scans, for the watch, and for whoever plays. What lies at a
 * place is listed once, by the path that was found first.
 */
import { realpathSync } from "node:fs"
import { realpath, stat } from "node:fs/promises"
import { dirname, sep } from "node:path"
import type { LeftOutReason } from "../../domain/library/Library.ts"
import { isAudioName, isHidden, type Look, saysGone, versionOf } from "./audioFiles.ts"

export interface Links {
  readonly follow: boolean
  /** A scan of all begins: every place may be found by another path. */
  readonly forget: () => void
  /** Whether `path` is the one by which the file or the directory at `real` is listed; it is from now on where none was. */
  readonly claim: (real: string, path: string) => boolean
  /** Whether another path than `path` lists what is at `real`. */
  readonly isTaken: (real: string, path: string) => boolean
  /** What a link leads to. */
  readonly look: (path: string) => Promise<Look | { readonly is: "directory" } | LeftOut>
}

interface LeftOut {
  readonly is: "left_out"
  readonly reason: LeftOutReason
}

const leftOut = (reason: LeftOutReason): LeftOut => ({ is: "left_out", reason })

export const isAtOrBelow = (path: string, directory: string): boolean =>
  path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep)

/** @param folders Real paths of the music folders. */
export const makeLinks = (folders: ReadonlyArray<string>, follow: boolean): Links => {
  const claims = new Map<string, string>()
  const isTaken = (real: string, path: string) => {
    const other = claims.get(real)
    return other !== undefined && other !== path && leadsTo(other, real)
  }
  const claim = (real: string, path: string) => {
    if (isTaken(real, path)) return false
    claims.set(real, path)
    return true
  }
  /** Whether a walk comes by what is at `real` without this link. */
  const isFoundAnyway = (real: string, isFile: boolean) => {
    const folder = folders.find((folder) => isAtOrBelow(real, folder))
    if (folder === undefined) return false
    const within = real.slice(folder.length).split(sep).filter(Boolean)
    return !within.some(isHidden) && (!isFile || isAudioName(real))
  }

  const lookAtFile = async (real: string, path: string): Promise<Look | LeftOut> => {
    if (!isAudioName(path)) return leftOut("no_audio")
    if (isFoundAnyway(real, true) || isTaken(dirname(real), dirname(path))) return leftOut("same_file")
    if (!follow && !folders.some((folder) => isAtOrBelow(real, folder))) return leftOut("link")
    if (!claim(real, path)) return leftOut("same_file")
    return { is: "file", version: await versionOf(path) }
  }

  const lookAtDirectory = (real: string): { readonly is: "directory" } | LeftOut => {
    if (!follow) return leftOut("link")
    const leadsBack = folders.some((folder) => isAtOrBelow(folder, real))
    return leadsBack || isFoundAnyway(real, false) ? leftOut("link_back") : { is: "directory" }
  }

  const look: Links["look"] = async (path) => {
    try {
      const [target, real] = await Promise.all([stat(path), realpath(path)])
      if (target.isDirectory()) return lookAtDirectory(real)
      return target.isFile() ? await lookAtFile(real, path) : leftOut("no_file")
    } catch (cause) {
      if (saysGone(cause) || isEndless(cause)) return leftOut("link_broken")
      return { is: "unseen", cause }
    }
  }

  return { follow, forget: () => claims.clear(), claim, isTaken, look }
}

/** A link may have been renamed since. */
const leadsTo = (path: string, real: string): boolean => {
  try {
    return realpathSync(path) === real
  } catch {
    return false
  }
}

const isEndless = (error: unknown) => error instanceof Error && "code" in error && error.code === "ELOOP"
