/** From a file that was found to what is stored of it: its tags, or why it cannot be read, and where it has come from. */
import { Clock, Duration, Effect, Option } from "effect"
import { join } from "node:path"
import type { TrackUnreadable } from "../../domain/audio/AnalysisError.ts"
import type { TrackTags } from "../../domain/library/Track.ts"
import type { TrackFileReader } from "../../services/TrackFileReader.ts"
import type { Scanned, ScannedTrack, TrackRepo } from "../../services/TrackRepo.ts"
import { isGone, lookBelow } from "./audioFiles.ts"
import type { DirectoryWatch } from "./DirectoryWatch.ts"
import type { Links } from "./links.ts"
import type { FoundFile } from "./walk.ts"

/** What reading files needs. */
export interface Reading {
  readonly repo: TrackRepo["Type"]
  readonly reader: TrackFileReader["Type"]
  readonly watching: DirectoryWatch
  readonly links: Links
  /** A file that was written to within this time is not read yet. */
  readonly stillness: Duration.Duration
}

/** A file that is being written is looked at so often by a scan; after that it is left to the next. */
const stillnessAttempts = 5

export const tagsOf = ({ reader }: Reading, { folder, relativePath }: FoundFile, isFirstTry = false) =>
  reader.tags(join(folder, relativePath), { isFirstTry })

/**
 * The track of this very file, where it was listed of a music folder above or below this one; or else of the one vanished
 * file whose content this is, if there is one.
 */
const findSource = (repo: TrackRepo["Type"], scanned: ScannedTrack) =>
  Effect.gen(function* () {
    const { folder, relativePath } = scanned
    const same = Option.getOrUndefined(yield* repo.findAt(join(folder, relativePath)))
    if (same !== undefined && same.folder !== folder) return same
    const alike = yield* repo.findAlike(scanned)
    const gone = yield* Effect.filter(alike, ({ folder, relativePath }) =>
      Effect.promise(() => isGone(join(folder, relativePath)))
    )
    return gone.length === 1 ? gone[0] : undefined
  })

/** @param isKnown It was there before, under this name. */
export const describe = Effect.fn("TrackLibrary.describe")(function* (
  { repo }: Reading,
  found: FoundFile,
  tags: TrackTags,
  isKnown: boolean
) {
  const scanned: ScannedTrack = { ...found, tags }
  const source = isKnown ? undefined : yield* findSource(repo, scanned)
  return source === undefined ? scanned : { ...scanned, movedFrom: source.id }
})

export const explain = (found: FoundFile, error: TrackUnreadable): Effect.Effect<Scanned> =>
  Effect.logWarning("Left out of the library", error.message).pipe(
    Effect.annotateLogs({ folder: found.folder, path: found.relativePath }),
    Effect.as({ ...found, message: error.message })
  )

export const readOrExplain = (reading: Reading, found: FoundFile, isKnown: boolean): Effect.Effect<Scanned> =>
  tagsOf(reading, found).pipe(
    Effect.flatMap((tags): Effect.Effect<Scanned> => describe(reading, found, tags, isKnown)),
    Effect.catchAll((error) => explain(found, error))
  )

/** False for a time in the future: a clock that differs must not keep a file out. */
export const isFresh = ({ stillness }: Reading, { version }: FoundFile): Effect.Effect<boolean> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const age = now - version.mtime_ms
    return age >= 0 && age < Duration.toMillis(stillness)
  })

/** The file as it is once nobody writes to it. None where it is gone, is still being written after all, or cannot be seen. */
export const whenStill = (reading: Reading, found: FoundFile): Effect.Effect<Option.Option<FoundFile>> =>
  Effect.gen(function* () {
    let file = found
    for (let attempt = 0; attempt < stillnessAttempts; attempt++) {
      yield* Effect.sleep(reading.stillness)
      const look = yield* Effect.promise(() =>
        lookBelow(file.folder, join(file.folder, file.relativePath), reading.links.follow)
      )
      if (look.is === "none") return Option.none()
      if (look.is === "unseen") break
      file = { ...file, version: look.version }
      if (!(yield* isFresh(reading, file))) return Option.some(file)
    }
    yield* reading.watching.touch(join(file.folder, file.relativePath))
    return Option.none()
  })
