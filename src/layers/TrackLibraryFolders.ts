/** TrackLibrary over folders of the local file system. Tags by music-metadata, everything else by the decoder. */
import { Effect, Layer } from "effect"
import { parseFile } from "music-metadata"
import { readdir, realpath, stat } from "node:fs/promises"
import { basename, extname, join, sep } from "node:path"
import { TrackUnreadable } from "../domain/AnalysisError.ts"
import { type FileVersion, isSameVersion, type TrackId } from "../domain/Track.ts"
import { AudioDecoder } from "../services/AudioDecoder.ts"
import { pathOf, type ScanReport, TrackLibrary } from "../services/TrackLibrary.ts"
import { type FileLocation, TrackRepo } from "../services/TrackRepo.ts"

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

interface FoundFile extends FileLocation {
  readonly version: FileVersion
}

type Outcome = keyof ScanReport

const make = (requestedFolders: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const repo = yield* TrackRepo
    const decoder = yield* AudioDecoder
    const folders = yield* Effect.forEach(requestedFolders, (folder) =>
      Effect.tryPromise(() => realpath(folder)).pipe(Effect.orElseSucceed(() => folder))
    )

    const read = Effect.fn("TrackLibrary.read")(function* (found: FoundFile) {
      const path = join(found.folder, found.relativePath)
      const info = yield* decoder.probe(path)
      const tags = yield* readTags(path)
      const { relativePath, folder, version } = found
      return yield* repo.upsert({
        folder,
        relativePath,
        version,
        tags: {
          title: tags.title ?? basename(relativePath, extname(relativePath)),
          artist: tags.artist ?? null,
          album: tags.album ?? null,
          duration: info.totalFrames / info.sampleRate,
          sample_rate: info.sampleRate,
          channels: info.channels
        }
      })
    })

    const readOrMark = (found: FoundFile, isKnown: boolean) =>
      read(found).pipe(
        Effect.as<Outcome>(isKnown ? "updated" : "added"),
        Effect.catchAll((error) =>
          Effect.logWarning("Left out of the library", error.message).pipe(
            Effect.annotateLogs({ folder: found.folder, path: found.relativePath }),
            Effect.zipRight(repo.markUnreadable({ ...found, message: error.message })),
            Effect.as<Outcome>("unreadable")
          )
        )
      )

    const scanFolder = Effect.fn("TrackLibrary.scanFolder")(function* (folder: string) {
      const known = yield* repo.knownVersions(folder)
      const found = yield* walk(folder)
      const outcomes = yield* Effect.forEach(found, (file) =>
        Effect.gen(function* () {
          const before = known.get(file.relativePath)
          if (before !== undefined && isSameVersion(before, file.version)) return "unchanged" as const
          yield* Effect.yieldNow()
          return yield* readOrMark(file, before !== undefined)
        })
      )
      return { folder, outcomes, seen: new Set(found.map((file) => file.relativePath)) }
    })

    const scan = Effect.gen(function* () {
      const scanned = yield* Effect.forEach(folders, scanFolder)
      yield* repo.keepOnly(new Map(scanned.map(({ folder, seen }) => [folder, seen])))
      const report = { added: 0, updated: 0, unchanged: 0, unreadable: 0 }
      for (const outcome of scanned.flatMap(({ outcomes }) => outcomes)) report[outcome] += 1
      yield* Effect.logInfo("Scanned the music folders").pipe(Effect.annotateLogs(report))
      return report satisfies ScanReport
    }).pipe(Effect.withSpan("TrackLibrary.scan"))

    const resolve = Effect.fn("TrackLibrary.resolve")(function* (id: TrackId) {
      const file = yield* repo.get(id)
      const path = pathOf(file)
      const missing = () => unreadable(path, "missing")
      const real = yield* Effect.tryPromise({ try: () => realpath(path), catch: missing })
      if (!folders.some((folder) => real.startsWith(folder + sep))) return yield* unreadable(path, "denied")
      const version = yield* Effect.tryPromise({ try: () => versionOf(path), catch: missing })
      if (isSameVersion(version, file.version)) return file
      yield* read({ folder: file.folder, relativePath: file.relativePath, version })
      return yield* repo.get(id)
    })

    return TrackLibrary.of({ folders, list: repo.list, resolve, scan })
  })

const unreadable = (path: string, reason: "missing" | "denied") =>
  new TrackUnreadable({ file: basename(path), stage: "open", reason })

const versionOf = async (path: string): Promise<FileVersion> => {
  const { size, mtimeMs } = await stat(path)
  return { size, mtime_ms: mtimeMs }
}

/** Not a folder, a pipe or a device by an audio file's name, and no link that leads out of the folder. */
const isFileBelow = async (folder: string, path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isFile() && (await realpath(path)).startsWith(folder + sep)
  } catch {
    return false
  }
}

/** The audio files below a folder, by path. A folder that cannot be read is a log line; hidden files are left out. */
const walk = (folder: string) =>
  Effect.tryPromise(async () => {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    const found: Array<FoundFile> = []
    for (const entry of entries) {
      if (entry.name.startsWith(".") || !audioExtensions.has(extname(entry.name).toLowerCase())) continue
      const path = join(entry.parentPath, entry.name)
      if (!(await isFileBelow(folder, path))) continue
      const version = await versionOf(path)
      const relativePath = path.slice(folder.length + 1).replaceAll(sep, "/")
      found.push({ folder, relativePath, version })
    }
    return found.sort((a, b) => (a.relativePath < b.relativePath ? -1 : 1))
  }).pipe(
    Effect.catchAll((error) =>
      Effect.logWarning("A music folder cannot be read", error).pipe(
        Effect.annotateLogs({ folder }),
        Effect.as<Array<FoundFile>>([])
      )
    )
  )

/** Tags are a courtesy: a file whose tags cannot be read is listed by its name. */
const readTags = (path: string) =>
  Effect.tryPromise(() => parseFile(path, { skipCovers: true, duration: false })).pipe(
    Effect.map(({ common }) => ({ title: common.title, artist: common.artist, album: common.album })),
    Effect.catchAll((error) =>
      Effect.logDebug("Tags cannot be read", error).pipe(
        Effect.annotateLogs({ path }),
        Effect.as<{ title?: string; artist?: string; album?: string }>({})
      )
    )
  )

/** Folders that do not exist are kept: they may be mounted later. */
export const layer = (folders: ReadonlyArray<string>) => Layer.effect(TrackLibrary, make(folders))
