/**
 * Has every track of the library fingerprinted, a few at a time, while the service has nothing better to do. It only
 * asks FingerprintGenerator, which shares what runs already, looks into the caches first and remembers what cannot be
 * measured: a track that is played asks there too and waits for nothing of this.
 */
import { Clock, Duration, Effect, Layer, Option, Stream } from "effect"
import type { TrackId } from "../../domain/library/Track.ts"
import { Actors } from "../../services/Actors.ts"
import { FingerprintGenerator } from "../../services/FingerprintGenerator.ts"
import { LibraryCatalog } from "../../services/LibraryCatalog.ts"
import { TrackLibrary } from "../../services/TrackLibrary.ts"

export interface FingerprintBackgroundOptions {
  /** false: a track is measured when it is played, and not before. Default true. */
  readonly background?: boolean
  /** Tracks that are measured at the same time. Default 1: on two cores the other worker is free for what is played. */
  readonly atOnce?: number
}

/** Between two looks for new tracks, and while no fingerprint server answers or nothing can be stored. */
const idlePause = Duration.seconds(5)

/** For a track that came to nothing without a reason to remember: this long, doubling, until it is tried again. */
const firstRetry = Duration.minutes(10)
const longestRetry = Duration.days(1)

/** Ids that are asked for in one go. */
const pageSize = 100

interface Deferral {
  readonly pause: Duration.Duration
  /** Milliseconds since 1970. */
  readonly until: number
}

const start = (atOnce: number) =>
  Effect.gen(function* () {
    const library = yield* TrackLibrary
    const catalog = yield* LibraryCatalog
    const generator = yield* FingerprintGenerator
    const deferred = new Map<TrackId, Deferral>()

    const untilAvailable = generator.isServerAvailable.pipe(
      // What cannot be stored would be measured again and again.
      Effect.zipWith(generator.owed, (isAvailable, { isFull }) => isAvailable && !isFull),
      Effect.flatMap((isAvailable) => (isAvailable ? Effect.succeed(true) : Effect.as(Effect.sleep(idlePause), false))),
      Effect.repeat({ until: (isAvailable) => isAvailable })
    )

    const defer = (id: TrackId) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const before = deferred.get(id)
        const pause = before === undefined ? firstRetry : Duration.min(longestRetry, Duration.times(before.pause, 2))
        deferred.set(id, { pause, until: now + Duration.toMillis(pause) })
      })

    const measure = (id: TrackId) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        if ((deferred.get(id)?.until ?? 0) > now) return
        yield* untilAvailable
        const file = yield* Effect.option(library.resolve(id))
        if (Option.isNone(file)) return yield* defer(id)
        const last = yield* Stream.runLast(generator.events(file.value))
        const isFound = Option.exists(last, ({ analysis }) => Option.isSome(analysis))
        // A server that died meanwhile says nothing about the track.
        if (isFound) deferred.delete(id)
        else if (yield* generator.isServerAvailable) yield* defer(id)
      })

    /** All that are pending, once. */
    const pass = Effect.gen(function* () {
      for (let after = 0; ;) {
        const ids = yield* catalog.pending({ after, limit: pageSize })
        yield* Effect.forEach(ids, measure, { concurrency: atOnce, discard: true })
        if (ids.length < pageSize) return
        after = ids.at(-1)!
      }
    })

    const actors = yield* Actors
    yield* actors.keep("generation", "background", Effect.forever(Effect.zipRight(pass, Effect.sleep(idlePause))))
  })

export const layer = ({ background = true, atOnce = 1 }: FingerprintBackgroundOptions = {}) =>
  background ? Layer.scopedDiscard(start(atOnce)) : Layer.empty
