/** What is asked of the library by HTTP and by RPC alike. */
import { Effect } from "effect"
import type { ListedTrack } from "../../domain/library/Library.ts"
import type { FingerprintGenerator } from "../../services/FingerprintGenerator.ts"
import { BadRequest } from "../../contract/LatheApi.ts"
import type { InvalidCursor, LibraryCatalog } from "../../services/LibraryCatalog.ts"
import type { TrackLibrary } from "../../services/TrackLibrary.ts"

export const orBadRequest = <A, R>(effect: Effect.Effect<A, InvalidCursor, R>) =>
  Effect.mapError(effect, ({ message }) => new BadRequest({ code: "invalid_cursor", message }))

/** Says what is being measured, which the catalog does not know. */
export const withRunning =
  (running: ReadonlySet<number>) =>
  (track: ListedTrack): ListedTrack =>
    track.fingerprint === "pending" && running.has(track.id) ? { ...track, fingerprint: "analyzing" } : track

type TrackRequest = Parameters<LibraryCatalog["Type"]["tracks"]>[0]
type TrackQuery = Omit<TrackRequest, "albumId" | "artistId"> & {
  readonly album_id?: TrackRequest["albumId"]
  readonly artist_id?: TrackRequest["artistId"]
}

export const findTracks =
  (catalog: LibraryCatalog["Type"], generator: FingerprintGenerator["Type"]) =>
  ({ album_id, artist_id, ...request }: TrackQuery) =>
    Effect.gen(function* () {
      const running = yield* generator.running
      const page = yield* orBadRequest(catalog.tracks({ ...request, albumId: album_id, artistId: artist_id }))
      return { ...page, items: page.items.map(withRunning(running)) }
    })

/** Begins a scan that nobody waits for; answers how it stands. */
export const startScan = (library: TrackLibrary["Type"]) =>
  library.scan.pipe(
    Effect.catchAllCause((cause) => Effect.logError("A scan of the music folders died", cause)),
    Effect.forkDaemon,
    Effect.zipRight(Effect.yieldNow()),
    Effect.zipRight(library.scanStatus)
  )
