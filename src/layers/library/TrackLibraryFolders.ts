/** TrackLibrary over folders of the local file system, scanned as a whole and watched in between. */
import { Deferred, Duration, Effect, FiberId, Layer, Schedule } from "effect"
import { lstat, realpath } from "node:fs/promises"
import { basename, dirname, join, sep } from "node:path"
import { TrackUnreadable } from "../../domain/audio/AnalysisError.ts"
import { isSameVersion, type TrackId } from "../../domain/library/Track.ts"
import { Actors } from "../../services/Actors.ts"
import { TrackFileReader } from "../../services/TrackFileReader.ts"
import { pathOf, type ScanReport, TrackLibrary } from "../../services/TrackLibrary.ts"
import { TrackRepo } from "../../services/TrackRepo.ts"
import { untilFree } from "../database/untilFree.ts"
import { turnOfEventLoop } from "../process/eventLoop.ts"
import { isAudioName, type Look, lookBelow, saysGone, versionOf } from "./audioFiles.ts"
import { type DirectoryWatch, makeDirectoryWatch } from "./DirectoryWatch.ts"
import { describe, isFresh, type Reading, readOrExplain, tagsOf } from "./fileDescription.ts"
import { noProgress, updateFolder } from "./folderUpdate.ts"
import { isAtOrBelow, type Links, makeLinks } from "./links.ts"
import { isCoverName } from "./pictures.ts"
import { makeScanCounter } from "./scanCounter.ts"

export interface TrackLibraryFoldersOptions {
  /** Keeps the library as the folders are, without being asked to scan. Default false. */
  readonly watch?: boolean
  /** A file that was written to within this time is not read yet: it may be half there. Default 1 s. */
  readonly stillness?: Duration.DurationInput
  /** With `watch`: a full scan so often, for what no watch tells (network folders, limits). Default 10 minutes. */
  readonly rescanEvery?: Duration.DurationInput
  /** Whether links to folders and files are followed, wherever they lead. Default true. */
  readonly followLinks?: boolean
  /** What is stored of other folders stays in the list. Default false: the list is that of these folders. */
  readonly keepOthers?: boolean
}

const make = (requestedFolders: ReadonlyArray<string>, options: TrackLibraryFoldersOptions) =>
  Effect.gen(function* () {
    const repo = yield* TrackRepo
    const reader = yield* TrackFileReader
    const actors = yield* Actors
    const scope = yield* Effect.scope
    const stillness = Duration.decode(options.stillness ?? "1 second")
    const realFolders = yield* Effect.forEach(requestedFolders, (folder) =>
      Effect.tryPromise(() => realpath(folder)).pipe(Effect.orElseSucceed(() => folder))
    )
    // One that is in another is listed with it.
    const folders = [...new Set(realFolders)].filter(
      (folder, _, all) => !all.some((other) => other !== folder && isAtOrBelow(folder, other))
    )
    const links = makeLinks(folders, options.followLinks ?? true)
    const watching = options.watch === true ? yield* makeDirectoryWatch(stillness) : noWatch
    // A scan and what the watch tells of do not read the same file twice.
    const changes = yield* Effect.makeSemaphore(1)

    const reading: Reading = { repo, reader, watching, links, stillness }
    // What a scan has read, or a watch has seen, waits for a locked database; who plays does not.
    const patient: Reading = { ...reading, repo: whenFree(repo) }
    const counter = makeScanCounter()

    const scanAll = Effect.gen(function* () {
      yield* counter.begin
      links.forget()
      yield* Effect.forEach(folders, (folder) => updateFolder(patient, folder, "", counter), { discard: true })
      if (options.keepOthers !== true) yield* patient.repo.forgetOutside(folders)
      const report = counter.report()
      yield* Effect.logInfo("Scanned the music folders").pipe(Effect.annotateLogs({ ...report }))
      return report
    }).pipe(Effect.ensuring(counter.end), changes.withPermits(1), Effect.withSpan("TrackLibrary.scan"))

    let running: Deferred.Deferred<ScanReport> | undefined
    const scan = Effect.suspend(() => {
      if (running !== undefined) return Deferred.await(running)
      const result = Deferred.unsafeMake<ScanReport>(FiberId.none)
      running = result
      // Begun with the call: who starts a scan and then looks finds it running.
      counter.announce()
      return scanAll.pipe(
        Effect.onExit((exit) => {
          running = undefined
          return Deferred.done(result, exit)
        }),
        Effect.interruptible,
        Effect.forkIn(scope),
        Effect.flatMap((fiber) => actors.adopt("library", "scan", fiber)),
        Effect.zipRight(Deferred.await(result))
      )
    })

    if (options.watch === true) {
      const followOne = makeFollower(patient, folders)
      const followChanges = watching.take.pipe(
        Effect.flatMap((paths) => changes.withPermits(1)(Effect.forEach(paths, followOne, { discard: true }))),
        Effect.forever
      )
      const scanAgain = Effect.schedule(scan, Schedule.spaced(options.rescanEvery ?? "10 minutes"))
      yield* actors.keep("library", "watcher", followChanges)
      yield* actors.keep("library", "scanner", scanAgain)
    }

    return TrackLibrary.of({
      folders,
      list: repo.list,
      resolve: (id) => resolve(reading, folders, id),
      scan,
      scanStatus: counter.status
    })
  })

const whenFree = (repo: TrackRepo["Type"]): TrackRepo["Type"] => ({
  list: untilFree(repo.list),
  get: (id) => untilFree(repo.get(id)),
  store: (scanned) => untilFree(repo.store(scanned)),
  knownVersions: (folder, below) => untilFree(repo.knownVersions(folder, below)),
  findAlike: (scanned) => untilFree(repo.findAlike(scanned)),
  findAt: (path) => untilFree(repo.findAt(path)),
  forget: (files) => untilFree(repo.forget(files)),
  forgetOutside: (folders) => untilFree(repo.forgetOutside(folders))
})

/** A path that could not be followed is tried again after so many times the stillness: 10 s, as it is. */
const retryAfter = 10

/** Follows one path that the watch has told of, or keeps it for later; each that fails is told of once. */
const makeFollower = (reading: Reading, folders: ReadonlyArray<string>) => {
  const failing = new Set<string>()
  const pause = Duration.times(reading.stillness, retryAfter)
  return (path: string) =>
    follow(reading, folders, path).pipe(
      Effect.tap(() => Effect.sync(() => failing.delete(path))),
      Effect.catchAllCause((cause) =>
        Effect.gen(function* () {
          if (!failing.has(path)) {
            yield* Effect.logError("A change in a music folder cannot be followed now; it is tried again", cause)
          }
          failing.add(path)
          yield* reading.watching.touch(path, pause)
        })
      ),
      Effect.annotateLogs({ path })
    )
}

/** Fails where the path cannot be looked at. */
const follow = (reading: Reading, folders: ReadonlyArray<string>, path: string) =>
  Effect.gen(function* () {
    const { links, repo, watching } = reading
    const folder = folders.find((folder) => path.startsWith(folder + sep))
    if (folder === undefined) return
    const relativePath = path.slice(folder.length + 1).replaceAll(sep, "/")
    if (isCoverName(basename(path))) return yield* readNeighbours(reading, folder, relativePath)
    const entry = yield* Effect.tryPromise({ try: () => lstat(path), catch: (cause) => cause }).pipe(
      Effect.catchIf(saysGone, () => Effect.succeed(undefined))
    )
    const link = entry?.isSymbolicLink() === true ? yield* Effect.promise(() => links.look(path)) : undefined
    if (entry?.isDirectory() === true || link?.is === "directory")
      return yield* updateFolder(reading, folder, relativePath, noProgress)
    if (entry === undefined) yield* watching.remove(path)
    const look = yield* lookAt(reading, folder, path, link)
    if (look.is === "unseen") return yield* Effect.fail(look.cause)
    if (look.is === "none") {
      const known = yield* repo.knownVersions(folder, relativePath)
      return yield* repo.forget([...known.keys()].map((gone) => ({ folder, relativePath: gone })))
    }
    const { version } = look
    const found = { folder, relativePath, version }
    if (yield* isFresh(reading, found)) return yield* watching.touch(path)
    const before = (yield* repo.knownVersions(folder, relativePath)).get(relativePath)
    if (before !== undefined && isSameVersion(before, version)) return
    yield* turnOfEventLoop
    yield* repo.store([yield* readOrExplain(reading, found, before !== undefined)])
  })

/** The picture of a folder came or went: the files beside it say anew whether they have one. */
const readNeighbours = (reading: Reading, folder: string, cover: string) =>
  Effect.gen(function* () {
    const { links, repo } = reading
    const directory = dirname(cover)
    const known = yield* repo.knownVersions(folder, directory === "." ? undefined : directory)
    const beside = [...known.keys()].filter((path) => dirname(path) === directory)
    yield* Effect.forEach(
      beside,
      (relativePath) =>
        Effect.gen(function* () {
          const look = yield* Effect.promise(() => lookBelow(folder, join(folder, relativePath), links.follow))
          if (look.is !== "file") return
          yield* turnOfEventLoop
          yield* repo.store([yield* readOrExplain(reading, { folder, relativePath, version: look.version }, true)])
        }),
      { discard: true }
    )
  })

const lookAt = (
  { links }: Reading,
  folder: string,
  path: string,
  link: Awaited<ReturnType<Links["look"]>> | undefined
) => {
  if (link !== undefined)
    return Effect.succeed<Look>(link.is === "file" || link.is === "unseen" ? link : { is: "none" })
  return isAudioName(path)
    ? Effect.promise(() => lookBelow(folder, path, links.follow))
    : Effect.succeed<Look>({ is: "none" })
}

/** The file of a track as it is now: read again where it is another one than is stored. */
const resolve = Effect.fn("TrackLibrary.resolve")(function* (
  reading: Reading,
  folders: ReadonlyArray<string>,
  id: TrackId
) {
  const { links, repo } = reading
  const file = yield* repo.get(id)
  const path = pathOf(file)
  const missing = (cause: unknown) => unreadable(path, saysGone(cause) ? "missing" : "denied")
  const real = yield* Effect.tryPromise({ try: () => realpath(path), catch: missing })
  // A file that a link leads to was found by it: what is stored is below a folder.
  const isAdmitted = links.follow
    ? folders.includes(file.folder)
    : folders.some((folder) => real.startsWith(folder + sep))
  if (!isAdmitted) return yield* unreadable(path, "denied")
  const version = yield* Effect.tryPromise({ try: () => versionOf(path), catch: missing })
  if (isSameVersion(version, file.version)) return file
  const found = { folder: file.folder, relativePath: file.relativePath, version }
  yield* repo.store([yield* describe(reading, found, yield* tagsOf(reading, found), true)])
  return yield* repo.get(id)
})

const noWatch: DirectoryWatch = {
  add: () => Effect.void,
  remove: () => Effect.void,
  touch: () => Effect.void,
  take: Effect.never
}

const unreadable = (path: string, reason: "missing" | "denied") =>
  new TrackUnreadable({ file: basename(path), stage: "open", reason })

/** Folders that do not exist are kept: they may be mounted later. */
export const layer = (folders: ReadonlyArray<string>, options: TrackLibraryFoldersOptions = {}) =>
  Layer.scoped(TrackLibrary, make(folders, options))
