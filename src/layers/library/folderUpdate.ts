/** Brings what is stored of a folder, or of a part of it, to what is there. */
import { Effect, Either, Option, Queue } from "effect"
import type { LeftOutReason } from "../../domain/library/Library.ts"
import { isSameVersion } from "../../domain/library/Track.ts"
import type { ScanReport } from "../../services/TrackLibrary.ts"
import type { FileLocation, Scanned, TrackRepo } from "../../services/TrackRepo.ts"
import { removeAbandoned } from "../fingerprint/FingerprintSidecarFiles.ts"
import { turnOfEventLoop } from "../process/eventLoop.ts"
import { describe, explain, isFresh, type Reading, tagsOf, whenStill } from "./fileDescription.ts"
import { type FoundFile, walk } from "./walk.ts"

/** Found by the walk, not read yet. */
const mostWaiting = 1024
/** Read at the same time: the reader has as many workers. */
const filesAtOnce = 2
/** Stored in one transaction, during which every other query waits. */
const filesPerTransaction = 20

/** Told of each file as it is found and as it is done with. */
export interface Progress {
  readonly found: () => void
  readonly done: (outcome: keyof ScanReport) => void
  readonly leftOut: (ending: string, reason: LeftOutReason) => void
}

export const noProgress: Progress = { found: () => {}, done: () => {}, leftOut: () => {} }

/** `below`: the part of the folder, relative to it, with `/`; empty for all of it. */
export const updateFolder = (reading: Reading, folder: string, below: string, progress: Progress) =>
  Effect.gen(function* () {
    const { repo, watching } = reading
    const known = new Map(yield* repo.knownVersions(folder, below === "" ? undefined : below))
    const waiting = yield* Queue.bounded<FoundFile | "end">(mostWaiting)
    const unreadableDirectories: Array<string> = []
    const unseenFiles = new Set<string>()
    const walking = walk(folder, below, reading.links, {
      onDirectory: watching.add,
      onNames: removeAbandoned,
      onLeftOut: progress.leftOut,
      onFile: (file) => {
        progress.found()
        return Effect.asVoid(Queue.offer(waiting, file))
      },
      onUnreadableDirectory: (relativePath) => Effect.sync(() => void unreadableDirectories.push(relativePath)),
      onUnseenFile: (relativePath) => Effect.sync(() => void unseenFiles.add(relativePath))
    }).pipe(Effect.zipRight(Queue.offer(waiting, "end")))

    const entry = yield* makeEntry(repo, progress)
    const nextInLine = makeLine()
    /** What takes long, or is being written, is read once all others have had their turn. */
    const later: Array<Effect.Effect<unknown>> = []
    const readWhenStill = (file: FoundFile, isKnown: boolean) =>
      Effect.flatMap(
        whenStill(reading, file),
        Option.match({
          onNone: () => Effect.void,
          onSome: (still) => read(reading, entry, { file: still, isKnown, isFirstTry: false, myTurn: Effect.void })
        })
      )
    const take = (file: FoundFile, { myTurn, pass }: Place) =>
      Effect.gen(function* () {
        const before = known.get(file.relativePath)
        const isKnown = before !== undefined
        known.delete(file.relativePath)
        if (isKnown && isSameVersion(before, file.version)) return progress.done("unchanged")
        if (file.fault !== undefined) return yield* entry.add(Effect.succeed({ ...file, message: file.fault }), isKnown)
        if (yield* isFresh(reading, file)) return void later.push(readWhenStill(file, isKnown))
        const isDone = yield* read(reading, entry, { file, isKnown, isFirstTry: true, myTurn })
        if (!isDone) later.push(read(reading, entry, { file, isKnown, isFirstTry: false, myTurn: Effect.void }))
      }).pipe(Effect.ensuring(pass))
    const takeAll = Effect.gen(function* () {
      for (;;) {
        // What is read is stored before there is nothing to do.
        const next =
          Option.getOrUndefined(yield* Queue.poll(waiting)) ??
          (yield* Effect.zipRight(entry.flush, Queue.take(waiting)))
        if (next !== "end") yield* take(next, nextInLine())
        // It is for the others too.
        else return yield* Queue.offer(waiting, "end")
      }
    })
    const readAll = Effect.all(
      Array.from({ length: filesAtOnce }, () => takeAll),
      { concurrency: "unbounded", discard: true }
    ).pipe(
      Effect.zipRight(entry.flush),
      Effect.zipRight(Effect.suspend(() => Effect.all(later, { concurrency: filesAtOnce, discard: true }))),
      Effect.zipRight(entry.flush)
    )

    yield* Effect.all([walking, readAll], { concurrency: 2, discard: true })
    if (unseenFiles.size > 0) yield* tellOfUnseen(folder, unseenFiles)
    const isHere = (path: string) =>
      unseenFiles.has(path) || unreadableDirectories.some((directory) => isAtOrBelow(path, directory))
    const gone = [...known.keys()].filter((path) => !isHere(path))
    yield* repo.forget(gone.map((relativePath) => ({ folder, relativePath })))
  })

interface Entry {
  /** Enters what was learned of a file: one after the other, and some at a time. */
  readonly add: (scanned: Effect.Effect<Scanned>, isKnown: boolean) => Effect.Effect<void>
  readonly flush: Effect.Effect<void>
}

const makeEntry = (repo: TrackRepo["Type"], progress: Progress): Effect.Effect<Entry> =>
  Effect.map(Effect.makeSemaphore(1), (turn) => {
    let batch: Array<Scanned> = []
    const flush = Effect.suspend(() => {
      const full = batch
      batch = []
      return full.length === 0 ? Effect.void : repo.store(full)
    })
    const add = (scanned: Scanned, isKnown: boolean) =>
      Effect.gen(function* () {
        batch.push(scanned)
        const isMoved = "movedFrom" in scanned
        // Another file must not be taken for the same move.
        if (isMoved || batch.length >= filesPerTransaction) yield* flush
        if ("message" in scanned) progress.done("unreadable")
        else progress.done(isKnown || isMoved ? "updated" : "added")
      })
    return {
      add: (scanned, isKnown) => turn.withPermits(1)(Effect.flatMap(scanned, (found) => add(found, isKnown))),
      flush: turn.withPermits(1)(flush)
    }
  })

interface Read {
  readonly file: FoundFile
  readonly isKnown: boolean
  readonly isFirstTry: boolean
  /** Awaited before it is entered. */
  readonly myTurn: Effect.Effect<void>
}

/** One file's place among those that are read beside each other: they are entered as they were found. */
interface Place {
  /** Those before it have been entered, or put off. */
  readonly myTurn: Effect.Effect<void>
  readonly pass: Effect.Effect<void>
}

const makeLine = () => {
  let before: Effect.Effect<void> = Effect.void
  return (): Place => {
    const latch = Effect.unsafeMakeLatch()
    const myTurn = before
    before = latch.await
    return { myTurn, pass: Effect.zipRight(myTurn, latch.open) }
  }
}

/** Reads a file and enters it; false: it takes longer than a first try may. */
const read = (reading: Reading, entry: Entry, { file, isFirstTry, isKnown, myTurn }: Read) =>
  Effect.gen(function* () {
    yield* turnOfEventLoop
    const tags = yield* Effect.either(tagsOf(reading, file, isFirstTry))
    if (Either.isLeft(tags) && isFirstTry && tags.left.reason === "too_demanding") return false
    const scanned: Effect.Effect<Scanned> = Either.isLeft(tags)
      ? explain(file, tags.left)
      : describe(reading, file, tags.right, isKnown)
    yield* myTurn
    yield* entry.add(scanned, isKnown)
    return true
  })

/** One line, however many they are. */
const tellOfUnseen = (folder: string, files: ReadonlySet<string>) =>
  Effect.logWarning("Files cannot be looked at just now; what is known of them stays").pipe(
    Effect.annotateLogs({ folder, files: files.size, first: [...files][0] })
  )

const isAtOrBelow = (path: FileLocation["relativePath"], directory: string): boolean =>
  directory === "" || path.startsWith(`${directory}/`)
