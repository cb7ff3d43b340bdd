/** TrackLibrary over folders of the local file system, scanned as a whole and watched in between. */
import { Clock, Deferred, Duration, Effect, Either, FiberId, Layer, Option, Queue, Schedule } from "effect"
import { lstat, realpath } from "node:fs/promises"
import { basename, join, sep } from "node:path"
import { TrackUnreadable } from "../../domain/audio/AnalysisError.ts"
import { noScanYet, type ScanStatus } from "../../domain/library/Library.ts"
import { isSameVersion, type TrackId, type TrackTags } from "../../domain/library/Track.ts"
import { Actors } from "../../services/Actors.ts"
import { TrackFileReader } from "../../services/TrackFileReader.ts"
import { pathOf, type ScanReport, TrackLibrary } from "../../services/TrackLibrary.ts"
import { type FileLocation, type Scanned, TrackRepo } from "../../services/TrackRepo.ts"
import { turnOfEventLoop } from "../process/eventLoop.ts"
import { isAudioName, isGone, versionBelow, versionOf } from "./audioFiles.ts"
import { type DirectoryWatch, makeDirectoryWatch } from "./DirectoryWatch.ts"
import { type FoundFile, walk } from "./walk.ts"

export interface TrackLibraryFoldersOptions {
  /** Keeps the library as the folders are, without being asked to scan. Default false. */
  readonly watch?: boolean
  /** A file that was written to within this time is not read yet: it may be half there. Default 1 s. */
  readonly stillness?: Duration.DurationInput
  /** With `watch`: a full scan so often, for what no watch tells (network folders, limits). Default 10 minutes. */
  readonly rescanEvery?: Duration.DurationInput
  /** What is stored of other folders stays in the list. Default false: the list is that of these folders. */
  readonly keepOthers?: boolean
}

/** Found by the walk, not read yet. */
const mostWaiting = 1024
/** Read at the same time: the reader has as many workers. */
const filesAtOnce = 2
/** Stored in one transaction, during which every other query waits. */
const filesPerTransaction = 20
/** A file that is being written is looked at so often by a scan; after that it is left to the next. */
const stillnessAttempts = 5

type Outcome = keyof ScanReport

const make = (requestedFolders: ReadonlyArray<string>, options: TrackLibraryFoldersOptions) =>
  Effect.gen(function* () {
    const repo = yield* TrackRepo
    const reader = yield* TrackFileReader
    const actors = yield* Actors
    const scope = yield* Effect.scope
    const stillness = Duration.decode(options.stillness ?? "1 second")
    const folders = yield* Effect.forEach(requestedFolders, (folder) =>
      Effect.tryPromise(() => realpath(folder)).pipe(Effect.orElseSucceed(() => folder))
    )
    const watching = options.watch === true ? yield* makeDirectoryWatch(stillness) : noWatch
    // A scan and what the watch tells of do not read the same file twice.
    const changes = yield* Effect.makeSemaphore(1)

    /** The one vanished file whose content this is, if there is one. */
    const findSource = Effect.fn("TrackLibrary.findSource")(function* (scanned: Extract<Scanned, { tags: unknown }>) {
      const alike = yield* repo.findAlike(scanned)
      const gone = yield* Effect.filter(alike, ({ folder, relativePath }) =>
        Effect.promise(() => isGone(join(folder, relativePath)))
      )
      return gone.length === 1 ? gone[0] : undefined
    })

    const tagsOf = ({ folder, relativePath }: FoundFile, isFirstTry: boolean) =>
      reader.tags(join(folder, relativePath), { isFirstTry })

    const describe = Effect.fn("TrackLibrary.describe")(function* (
      found: FoundFile,
      tags: TrackTags,
      isKnown: boolean
    ) {
      const scanned = { ...found, tags }
      const source = isKnown ? undefined : yield* findSource(scanned)
      return source === undefined ? scanned : { ...scanned, movedFrom: source.id }
    })

    const explain = (found: FoundFile, error: TrackUnreadable): Effect.Effect<Scanned> =>
      Effect.logWarning("Left out of the library", error.message).pipe(
        Effect.annotateLogs({ folder: found.folder, path: found.relativePath }),
        Effect.as({ ...found, message: error.message })
      )

    const readOrExplain = (found: FoundFile, isKnown: boolean): Effect.Effect<Scanned> =>
      tagsOf(found, false).pipe(
        Effect.flatMap((tags) => describe(found, tags, isKnown)),
        Effect.catchAll((error) => explain(found, error))
      )

    /** False for a time in the future: a clock that differs must not keep a file out. */
    const isFresh = ({ version }: FoundFile) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const age = now - version.mtime_ms
        return age >= 0 && age < Duration.toMillis(stillness)
      })

    /** The file as it is once nobody writes to it. None where it is gone, or is still being written after all. */
    const whenStill = (found: FoundFile) =>
      Effect.gen(function* () {
        let file = found
        for (let attempt = 0; attempt < stillnessAttempts; attempt++) {
          yield* Effect.sleep(stillness)
          const version = yield* Effect.promise(() => versionBelow(file.folder, join(file.folder, file.relativePath)))
          if (version === undefined) return Option.none<FoundFile>()
          file = { ...file, version }
          if (!(yield* isFresh(file))) return Option.some(file)
        }
        yield* watching.touch(join(file.folder, file.relativePath))
        return Option.none<FoundFile>()
      })

    /** Brings what is stored of a folder, or of a part of it, to what is there. Tells `onOutcome` of each file. */
    const update = (folder: string, below: string, progress: Progress) =>
      Effect.gen(function* () {
        const known = new Map(yield* repo.knownVersions(folder, below === "" ? undefined : below))
        const waiting = yield* Queue.bounded<FoundFile | "end">(mostWaiting)
        const unreadableDirectories: Array<string> = []
        const walking = walk(folder, below, {
          onDirectory: watching.add,
          onFile: (file) => {
            progress.found()
            return Effect.asVoid(Queue.offer(waiting, file))
          },
          onUnreadableDirectory: (relativePath) => Effect.sync(() => void unreadableDirectories.push(relativePath))
        }).pipe(Effect.zipRight(Queue.offer(waiting, "end")))

        let batch: Array<Scanned> = []
        const flush = Effect.suspend(() => {
          const full = batch
          batch = []
          return full.length === 0 ? Effect.void : repo.store(full)
        })
        // Files are read beside each other and entered one after the other.
        const entering = yield* Effect.makeSemaphore(1)
        const enter = (scanned: Scanned, isKnown: boolean) =>
          Effect.gen(function* () {
            batch.push(scanned)
            const isMoved = "movedFrom" in scanned
            // Another file must not be taken for the same move.
            if (isMoved || batch.length >= filesPerTransaction) yield* flush
            if ("message" in scanned) progress.done("unreadable")
            else progress.done(isKnown || isMoved ? "updated" : "added")
          })
        /** What takes long is put off: false. */
        const take = (file: FoundFile, isKnown: boolean, isFirstTry: boolean) =>
          Effect.gen(function* () {
            yield* turnOfEventLoop
            const tags = yield* Effect.either(tagsOf(file, isFirstTry))
            if (Either.isLeft(tags) && isFirstTry && tags.left.reason === "too_demanding") return false
            const scanned: Effect.Effect<Scanned> = Either.isLeft(tags)
              ? explain(file, tags.left)
              : describe(file, tags.right, isKnown)
            yield* entering.withPermits(1)(Effect.flatMap(scanned, (scanned) => enter(scanned, isKnown)))
            return true
          })

        const later: Array<() => Effect.Effect<unknown>> = []
        const readNew = (file: FoundFile, isKnown: boolean) =>
          Effect.map(take(file, isKnown, true), (isDone) => {
            if (!isDone) later.push(() => take(file, isKnown, false))
          })
        const readFresh = (file: FoundFile, isKnown: boolean) =>
          Effect.flatMap(
            whenStill(file),
            Option.match({ onNone: () => Effect.void, onSome: (still) => take(still, isKnown, false) })
          )
        const reading = Effect.gen(function* () {
          for (;;) {
            // What is read is stored before there is nothing to do.
            const next =
              Option.getOrUndefined(yield* Queue.poll(waiting)) ??
              (yield* Effect.zipRight(entering.withPermits(1)(flush), Queue.take(waiting)))
            if (next === "end") {
              // For the other ones.
              yield* Queue.offer(waiting, "end")
              return
            }
            const before = known.get(next.relativePath)
            known.delete(next.relativePath)
            if (before !== undefined && isSameVersion(before, next.version)) progress.done("unchanged")
            else if (yield* isFresh(next)) later.push(() => readFresh(next, before !== undefined))
            else yield* readNew(next, before !== undefined)
          }
        })
        const readAll = Effect.all(
          Array.from({ length: filesAtOnce }, () => reading),
          { concurrency: "unbounded", discard: true }
        ).pipe(
          Effect.zipRight(flush),
          Effect.zipRight(
            Effect.suspend(() => Effect.forEach(later, (read) => read(), { concurrency: filesAtOnce, discard: true }))
          ),
          Effect.zipRight(flush)
        )

        yield* Effect.all([walking, readAll], { concurrency: 2, discard: true })
        const isHere = (path: string) => unreadableDirectories.some((directory) => isAtOrBelow(path, directory))
        const gone = [...known.keys()].filter((path) => !isHere(path))
        yield* repo.forget(gone.map((relativePath) => ({ folder, relativePath })))
      })

    let status: ScanStatus = noScanYet
    let startedAt = 0

    const scanAll = Effect.gen(function* () {
      const report = { added: 0, updated: 0, unchanged: 0, unreadable: 0 }
      startedAt = yield* Clock.currentTimeMillis
      status = { ...noScanYet, running: true }
      const progress: Progress = {
        found: () => void (status = { ...status, files_found: status.files_found + 1 }),
        done: (outcome) => {
          report[outcome] += 1
          const { added, updated, unreadable } = report
          status = { ...status, files_read: status.files_read + 1, added, updated, unreadable }
        }
      }
      yield* Effect.forEach(folders, (folder) => update(folder, "", progress), { discard: true })
      if (options.keepOthers !== true) yield* repo.forgetOutside(folders)
      yield* Effect.logInfo("Scanned the music folders").pipe(Effect.annotateLogs(report))
      return report satisfies ScanReport
    }).pipe(
      Effect.ensuring(
        Effect.map(Clock.currentTimeMillis, (now) => {
          status = {
            ...status,
            running: false,
            rate_per_second: rate(status.files_read, now - startedAt),
            finished_at: new Date(now).toISOString()
          }
        })
      ),
      changes.withPermits(1),
      Effect.withSpan("TrackLibrary.scan")
    )

    let running: Deferred.Deferred<ScanReport> | undefined
    const scan = Effect.suspend(() => {
      if (running !== undefined) return Deferred.await(running)
      const result = Deferred.unsafeMake<ScanReport>(FiberId.none)
      running = result
      // Begun with the call: who starts a scan and then looks finds it running.
      status = { ...noScanYet, running: true }
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

    const scanStatus = Effect.map(Clock.currentTimeMillis, (now) =>
      status.running && startedAt > 0
        ? { ...status, rate_per_second: rate(status.files_read, now - startedAt) }
        : status
    )

    /** One path that the watch has told of. */
    const follow = (path: string) =>
      Effect.gen(function* () {
        const folder = folders.find((folder) => path.startsWith(folder + sep))
        if (folder === undefined) return
        const relativePath = path.slice(folder.length + 1).replaceAll(sep, "/")
        const entry = yield* Effect.promise(() => lstat(path).catch(() => undefined))
        if (entry?.isDirectory() === true) return yield* update(folder, relativePath, noProgress)
        if (entry === undefined) yield* watching.remove(path)
        const version = isAudioName(path) ? yield* Effect.promise(() => versionBelow(folder, path)) : undefined
        if (version === undefined) {
          const known = yield* repo.knownVersions(folder, relativePath)
          return yield* repo.forget([...known.keys()].map((gone) => ({ folder, relativePath: gone })))
        }
        const found = { folder, relativePath, version }
        if (yield* isFresh(found)) return yield* watching.touch(path)
        const before = (yield* repo.knownVersions(folder, relativePath)).get(relativePath)
        if (before !== undefined && isSameVersion(before, version)) return
        yield* turnOfEventLoop
        yield* repo.store([yield* readOrExplain(found, before !== undefined)])
      }).pipe(
        Effect.catchAllCause((cause) => Effect.logError("A change in a music folder could not be followed", cause)),
        Effect.annotateLogs({ path })
      )

    if (options.watch === true) {
      const followChanges = watching.take.pipe(
        Effect.flatMap((paths) => changes.withPermits(1)(Effect.forEach(paths, follow, { discard: true }))),
        Effect.forever
      )
      const scanAgain = Effect.schedule(scan, Schedule.spaced(options.rescanEvery ?? "10 minutes"))
      yield* actors.keep("library", "watcher", followChanges)
      yield* actors.keep("library", "scanner", scanAgain)
    }

    const resolve = Effect.fn("TrackLibrary.resolve")(function* (id: TrackId) {
      const file = yield* repo.get(id)
      const path = pathOf(file)
      const missing = () => unreadable(path, "missing")
      const real = yield* Effect.tryPromise({ try: () => realpath(path), catch: missing })
      if (!folders.some((folder) => real.startsWith(folder + sep))) return yield* unreadable(path, "denied")
      const version = yield* Effect.tryPromise({ try: () => versionOf(path), catch: missing })
      if (isSameVersion(version, file.version)) return file
      const found = { folder: file.folder, relativePath: file.relativePath, version }
      yield* repo.store([yield* describe(found, yield* tagsOf(found, false), true)])
      return yield* repo.get(id)
    })

    return TrackLibrary.of({ folders, list: repo.list, resolve, scan, scanStatus })
  })

/** Told of each file as it is found and as it is done with. */
interface Progress {
  readonly found: () => void
  readonly done: (outcome: Outcome) => void
}

const noProgress: Progress = { found: () => {}, done: () => {} }

const noWatch: DirectoryWatch = {
  add: () => Effect.void,
  remove: () => Effect.void,
  touch: () => Effect.void,
  take: Effect.never
}

const rate = (files: number, milliseconds: number): number | null =>
  files === 0 || milliseconds <= 0 ? null : (1000 * files) / milliseconds

const isAtOrBelow = (path: FileLocation["relativePath"], directory: string): boolean =>
  directory === "" || path.startsWith(`${directory}/`)

const unreadable = (path: string, reason: "missing" | "denied") =>
  new TrackUnreadable({ file: basename(path), stage: "open", reason })

/** Folders that do not exist are kept: they may be mounted later. */
export const layer = (folders: ReadonlyArray<string>, options: TrackLibraryFoldersOptions = {}) =>
  Layer.scoped(TrackLibrary, make(folders, options))
