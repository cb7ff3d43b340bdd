/** Which files the fingerprint server may read: those below its folders, symlinks resolved on both sides. */
import { lstat, realpath } from "node:fs/promises"
import { basename, dirname, isAbsolute, join, sep } from "node:path"
import { Effect } from "effect"
import { FileRefused } from "../../../domain/fingerprint/FingerprintServerError.ts"

/** Longest path that Linux takes (PATH_MAX), bytes. */
const longestPathBytes = 4096

/**
 * The real path behind `path`. With `followLinks`, one that links below `folders` lead to is inside. A file outside `folders` is refused with the same words whether it exists or not; one
 * that is missing inside them passes, for the analyzer to say so.
 */
export const resolveBelow = Effect.fn("FingerprintServerRoots.resolveBelow")(function* (
  folders: ReadonlyArray<string>,
  path: string,
  followLinks = false
) {
  if (path === "") return yield* invalid("The request names no file: filepath is empty.")
  if (!isAbsolute(path) || path.includes("\0") || Buffer.byteLength(path) > longestPathBytes) {
    return yield* invalid("filepath is no absolute path.")
  }
  const [real, ...roots] = yield* Effect.promise(() =>
    Promise.all([realPathOf(path), ...folders.map((folder) => realpath(folder).catch(() => undefined))])
  )
  const isBelow = roots.some((root) => root !== undefined && real?.startsWith(root.endsWith(sep) ? root : root + sep))
  // A link in a folder admits what it leads to, under the name that it has there, and nothing else does.
  const isLinked =
    followLinks &&
    !path.split(sep).includes("..") &&
    [...folders, ...roots].some((root) => root !== undefined && isNamedBelow(path, root))
  return real !== undefined && (isBelow || isLinked) ? real : yield* outside
})

const isNamedBelow = (path: string, root: string) => path.startsWith(root.endsWith(sep) ? root : root + sep)

/** As realpath(3), but the missing tail of a path is kept. undefined where nobody can say: a dangling or hidden link. */
const realPathOf = async (path: string): Promise<string | undefined> => {
  const real = await realpath(path).catch(() => undefined)
  if (real !== undefined) return real
  const isThere = await lstat(path).then(
    () => true,
    () => false
  )
  const parent = dirname(path)
  // A missing tail that steps upwards would be resolved by name only, past what a symlink in it may become.
  if (isThere || parent === path || basename(path) === "..") return undefined
  const realParent = await realPathOf(parent)
  return realParent === undefined ? undefined : join(realParent, basename(path))
}

const invalid = (reason: string) => new FileRefused({ code: "InvalidRequest", reason })

const outside = new FileRefused({
  code: "OutsideFolders",
  reason: "The file is not below a folder that the fingerprint server may read."
})
