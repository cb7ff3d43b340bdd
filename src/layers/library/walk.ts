/** Walks a music folder, one directory in memory at a time. */
import { Effect } from "effect"
import { isUtf8 } from "node:buffer"
import type { Dirent } from "node:fs"
import { lstat, readdir, realpath } from "node:fs/promises"
import { join } from "node:path"
import { endingOf } from "../../domain/library/AudioFormats.ts"
import type { LeftOutReason } from "../../domain/library/Library.ts"
import type { FileVersion } from "../../domain/library/Track.ts"
import type { FileLocation } from "../../services/TrackRepo.ts"
import { isAudioName, isHidden, isOfLathe, type Look, lookBelow, saysGone } from "./audioFiles.ts"
import type { Links } from "./links.ts"

export interface FoundFile extends FileLocation {
  readonly version: FileVersion
  /** Why it cannot be read, where that is known without reading it. A sentence. */
  readonly fault?: string
}

export interface Visitor {
  /** A directory's absolute path, before it is read. */
  readonly onDirectory: (path: string) => Effect.Effect<void>
  /** The names of the files in it. */
  readonly onNames: (path: string, names: ReadonlyArray<string>) => Effect.Effect<void>
  readonly onFile: (file: FoundFile) => Effect.Effect<void>
  /** A directory, relative to the folder, that is there but cannot be read. */
  readonly onUnreadableDirectory: (relativePath: string) => Effect.Effect<void>
  /** An audio file, relative to the folder, that is there but cannot be looked at. */
  readonly onUnseenFile: (relativePath: string) => Effect.Effect<void>
  /** What is in the folder and not taken in. */
  readonly onLeftOut: (ending: string, reason: LeftOutReason) => void
}

/** Files looked at together. */
const filesAtOnce = 16

/** Audio, a directory, or a link, whose name can be written as text. */
interface Candidate {
  readonly name: string
  readonly kind: "file" | "directory" | "link"
}

/** The audio files at or below `below`, names ascending within each directory. */
export const walk = (folder: string, below: string, links: Links, visitor: Visitor): Effect.Effect<void> =>
  Effect.gen(function* () {
    const path = join(folder, below)
    const within = (name: string) => (below === "" ? name : `${below}/${name}`)
    const real = yield* Effect.promise(() => realpath(path).catch(() => path))
    if (!links.claim(real, path)) return visitor.onLeftOut("", "link_back")
    yield* visitor.onDirectory(path)
    const entries = yield* read(path, below, visitor)
    const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name.toString("utf8"))
    yield* visitor.onNames(path, names)
    const candidates = yield* sort(path, entries, visitor, (name, fault, version) =>
      visitor.onFile({ folder, relativePath: within(name), version, fault })
    )
    for (let start = 0; start < candidates.length; start += filesAtOnce) {
      const some = candidates.slice(start, start + filesAtOnce)
      const looks = yield* Effect.promise(() =>
        Promise.all(some.map((entry) => lookAt(folder, path, real, entry, links)))
      )
      for (const [n, { name }] of some.entries()) {
        const look = looks[n]!
        const relativePath = within(name)
        if (look.is === "directory") yield* walk(folder, relativePath, links, visitor)
        else if (look.is === "file") yield* visitor.onFile({ folder, relativePath, version: look.version })
        else if (look.is === "left_out") visitor.onLeftOut(endingOf(name), look.reason)
        else if (look.is === "none") visitor.onLeftOut(endingOf(name), "no_file")
        else {
          visitor.onLeftOut(endingOf(name), "unseen")
          yield* visitor.onUnseenFile(relativePath)
        }
      }
    }
  })

type AnyLook = Look | Awaited<ReturnType<Links["look"]>>

const lookAt = async (
  folder: string,
  directory: string,
  realDirectory: string,
  { kind, name }: Candidate,
  links: Links
): Promise<AnyLook> => {
  const path = join(directory, name)
  if (kind === "directory") return { is: "directory" }
  if (kind === "link") return links.look(path)
  if (links.isTaken(join(realDirectory, name), path)) return { is: "left_out", reason: "same_file" }
  return lookBelow(folder, path, links.follow)
}

const read = (path: string, below: string, visitor: Visitor) =>
  Effect.tryPromise(() => readdir(path, { withFileTypes: true, encoding: "buffer" })).pipe(
    Effect.catchAll(({ cause }) =>
      Effect.gen(function* () {
        yield* Effect.logWarning("A music folder cannot be read", cause).pipe(Effect.annotateLogs({ folder: path }))
        if (!saysGone(cause)) {
          visitor.onLeftOut("", "unseen")
          yield* visitor.onUnreadableDirectory(below)
        }
        return [] as Array<Dirent<Buffer>>
      })
    )
  )

/** What may be music, by name; all else is counted, and told of where it would be music under another name. */
const sort = (
  path: string,
  entries: ReadonlyArray<Dirent<Buffer>>,
  visitor: Visitor,
  onUnnameable: (name: string, fault: string, version: FileVersion) => Effect.Effect<void>
) =>
  Effect.gen(function* () {
    const candidates: Array<Candidate> = []
    for (const entry of entries) {
      const text = entry.name.toString("utf8")
      const isDirectory = entry.isDirectory()
      const mayBeMusic = isDirectory || entry.isSymbolicLink() || isAudioName(text)
      if (isOfLathe(text)) continue
      if (isHidden(text)) visitor.onLeftOut(isDirectory ? "" : endingOf(text), "hidden")
      else if (!mayBeMusic) visitor.onLeftOut(endingOf(text), "no_audio")
      else if (!isUtf8(entry.name)) {
        const name = escapeName(entry.name)
        visitor.onLeftOut(isDirectory ? "" : endingOf(text), "name")
        yield* onUnnameable(name, unnameable(name, isDirectory), yield* versionOfBytes(path, entry.name))
      } else candidates.push({ name: text, kind: isDirectory ? "directory" : entry.isSymbolicLink() ? "link" : "file" })
    }
    return candidates.sort((a, b) => (a.name < b.name ? -1 : 1))
  })

const unnameable = (name: string, isDirectory: boolean) =>
  isDirectory
    ? `What is in the folder ${name} cannot be read: its name is not UTF-8. Rename the folder.`
    : `${name} cannot be read: its name is not UTF-8. Rename the file.`

/** Bytes that are no UTF-8 as `\xHH`, and a backslash as two: each name is another text, from which it can be had back. */
const escapeName = (name: Buffer): string => {
  let text = ""
  for (let at = 0; at < name.length;) {
    const length = [1, 2, 3, 4].find((length) => at + length <= name.length && isUtf8(name.subarray(at, at + length)))
    const bytes = name.subarray(at, at + (length ?? 1))
    text += length === undefined ? `\\x${bytes.toString("hex")}` : bytes.toString("utf8").replace("\\", "\\\\")
    at += bytes.length
  }
  return text
}

const versionOfBytes = (directory: string, name: Buffer): Effect.Effect<FileVersion> =>
  Effect.promise(async () => {
    const unknown = { size: 0, mtime_ms: 0, inode: null, ctime_ms: null }
    try {
      const { mtimeMs, size } = await lstat(Buffer.concat([Buffer.from(`${directory}/`), name]))
      return { ...unknown, size, mtime_ms: mtimeMs }
    } catch {
      return unknown
    }
  })
