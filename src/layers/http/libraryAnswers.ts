/** What is asked of the library by HTTP and by RPC alike: one question has one answer, whoever asks it. */
import { Duration, Effect, Metric, Option } from "effect"
import { BadRequest } from "../../contract/Problems.ts"
import type { ServiceStatus } from "../../contract/ServiceStatus.ts"
import type { ListedTrack } from "../../domain/library/Library.ts"
import type { TrackId } from "../../domain/library/Track.ts"
import { planFor } from "../../domain/mastering/MasteringDecision.ts"
import type { Enhancement } from "../../domain/mastering/Enhancement.ts"
import { streamsActive } from "../../domain/telemetry/Metrics.ts"
import { FingerprintGenerator } from "../../services/FingerprintGenerator.ts"
import {
  type AlbumRequest,
  type InvalidCursor,
  LibraryCatalog,
  type PageRequest,
  type SearchRequest,
  type TrackRequest
} from "../../services/LibraryCatalog.ts"
import { TrackLibrary } from "../../services/TrackLibrary.ts"
import { version } from "../process/version.ts"

type TrackQuery = Omit<TrackRequest, "albumId" | "artistId"> & {
  readonly album_id?: TrackRequest["albumId"]
  readonly artist_id?: TrackRequest["artistId"]
}

export const libraryAnswers = Effect.gen(function* () {
  const library = yield* TrackLibrary
  const catalog = yield* LibraryCatalog
  const generator = yield* FingerprintGenerator

  const tracks = ({ album_id, artist_id, ...request }: TrackQuery) =>
    Effect.gen(function* () {
      const running = yield* generator.running
      const page = yield* orBadRequest(catalog.tracks({ ...request, albumId: album_id, artistId: artist_id }))
      return { ...page, items: page.items.map(withRunning(running)) }
    })

  const track = (id: TrackId) =>
    Effect.gen(function* () {
      // The file as it is now, before anything is said of it.
      yield* library.resolve(id)
      const running = yield* generator.running
      return withRunning(running)(yield* catalog.track(id))
    })

  /** As it is stored: generates nothing. */
  const storedFingerprint = (id: TrackId) => Effect.flatMap(library.resolve(id), generator.getCached)

  /** Generated where none is stored; none where it cannot be had. */
  const fingerprint = (id: TrackId) => Effect.flatMap(library.resolve(id), generator.getOrGenerate)

  /**
   * By the fingerprint, which is generated where none is stored; by the fallback where none can be had, or none is
   * there after `patience`. The generation goes on for a while then, so that who asks again finds it further.
   */
  const plan = (
    id: TrackId,
    enhancement: Omit<Enhancement, "enabled">,
    patience: Duration.DurationInput = Duration.infinity
  ) =>
    Effect.gen(function* () {
      const file = yield* library.resolve(id)
      const analysis = yield* generator
        .getOrGenerate(file)
        .pipe(Effect.disconnect, Effect.timeoutOption(patience), Effect.map(Option.flatten))
      return planFor(analysis, enhancement)
    })

  /** Begins a scan that nobody waits for; answers how it stands. */
  const startScan = library.scan.pipe(
    Effect.catchAllCause((cause) => Effect.logError("A scan of the music folders died", cause)),
    Effect.forkDaemon,
    Effect.zipRight(Effect.yieldNow()),
    Effect.zipRight(library.scanStatus)
  )

  const status = Effect.gen(function* () {
    const { ready, pending, failed } = yield* catalog.fingerprints
    const analyzing = Math.min(pending, (yield* generator.running).size)
    const isAvailable = yield* generator.isServerAvailable
    const { count: owed } = yield* generator.owed
    const answer: ServiceStatus = {
      version,
      tracks: ready + pending + failed,
      fingerprints: { ready, pending: pending - analyzing, analyzing, failed, owed },
      left_out: (yield* library.scanStatus).left_out,
      fingerprint_server: isAvailable ? "available" : "unavailable",
      streams_active: (yield* Metric.value(streamsActive)).value
    }
    return answer
  })

  return {
    tracks,
    albums: (request: AlbumRequest) => orBadRequest(catalog.albums(request)),
    artists: (request: SearchRequest) => orBadRequest(catalog.artists(request)),
    unreadable: (request: PageRequest) => orBadRequest(catalog.unreadable(request)),
    allTracks: library.list,
    track,
    storedFingerprint,
    fingerprint,
    plan,
    spread: catalog.spread,
    scanStatus: library.scanStatus,
    startScan,
    status
  }
})

const orBadRequest = <A, R>(effect: Effect.Effect<A, InvalidCursor, R>) =>
  Effect.mapError(effect, ({ message }) => new BadRequest({ code: "invalid_cursor", message }))

/** Says what is being measured, which the catalog does not know. */
const withRunning =
  (running: ReadonlySet<number>) =>
  (track: ListedTrack): ListedTrack =>
    track.fingerprint === "pending" && running.has(track.id) ? { ...track, fingerprint: "analyzing" } : track
