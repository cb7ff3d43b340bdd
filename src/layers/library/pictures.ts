/** Pictures of an album: told by their bytes, and found beside its files. */
import { LRUCache } from "lru-cache"
import { lstat, readdir, readFile, stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import type { TrackArt } from "../../services/TrackFileReader.ts"

/** Bytes. A larger picture is none: nobody waits for it. */
const largestArt = 10 * 1024 * 1024

export const artFrom = (bytes: Uint8Array): TrackArt | undefined => {
  const mediaType = bytes.length > largestArt ? undefined : mediaTypeOf(bytes)
  return mediaType === undefined ? undefined : { mediaType, bytes: new Uint8Array(bytes) }
}

/** By its first bytes: what a tag or a name says of a picture is not to be trusted, least of all by a browser. */
const mediaTypeOf = (bytes: Uint8Array): TrackArt["mediaType"] | undefined => {
  const start = Buffer.from(bytes.subarray(0, 12)).toString("latin1")
  if (start.startsWith("\xff\xd8\xff")) return "image/jpeg"
  if (start.startsWith("\x89PNG\r\n\x1a\n")) return "image/png"
  if (start.startsWith("GIF87a") || start.startsWith("GIF89a")) return "image/gif"
  if (start.startsWith("RIFF") && start.endsWith("WEBP")) return "image/webp"
  return undefined
}

/** What rippers and players call the picture of a folder, the best first; in any case. */
const stems = ["cover", "folder", "front", "album", "albumart", "albumartlarge", "albumartsmall", "thumb"]
const endings = ["jpg", "jpeg", "png", "webp", "gif"]
const ranks: ReadonlyMap<string, number> = new Map(
  stems.flatMap((stem) => endings.map((ending) => `${stem}.${ending}`)).map((name, rank) => [name, rank])
)

export const isCoverName = (name: string): boolean => ranks.has(name.toLowerCase())

/** The files of a folder are asked about one after the other. By folder, and when names in it changed last. */
const coverNames = new LRUCache<string, Promise<ReadonlyArray<string>>>({ max: 64 })

const coverNamesIn = async (folder: string): Promise<ReadonlyArray<string>> => {
  const changedAt = await stat(folder).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0
  )
  const key = `${changedAt} ${folder}`
  const known = coverNames.get(key)
  if (known !== undefined) return known
  const rankOf = (name: string) => ranks.get(name.toLowerCase()) ?? ranks.size
  const found = readdir(folder).then(
    (names) => names.filter(isCoverName).sort((a, b) => rankOf(a) - rankOf(b)),
    () => []
  )
  coverNames.set(key, found)
  return found
}

/** The picture beside an audio file. Links are not followed: they may lead to what is none of the folder's. */
export const artBeside = async (audioPath: string): Promise<TrackArt | undefined> => {
  const folder = dirname(audioPath)
  for (const name of await coverNamesIn(folder)) {
    try {
      const path = join(folder, name)
      const file = await lstat(path)
      const art = file.isFile() && file.size <= largestArt ? artFrom(await readFile(path)) : undefined
      if (art !== undefined) return art
    } catch {
      // Another one may be readable.
    }
  }
  return undefined
}
