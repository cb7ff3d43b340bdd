/** The HTTP API: what a player needs of the library. Handlers: LatheApiRoutes. Examples: docs/api.md. */
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "@effect/platform"
import { Schema } from "effect"
import { TrackAnalysis } from "../domain/fingerprint/Fingerprint.ts"
import { Album, Artist, LibrarySpread, ListedTrack, ScanStatus, UnreadableFile } from "../domain/library/Library.ts"
import { Intensity, MasteringPlan, Preset } from "../domain/mastering/MasteringPlan.ts"
import { TrackId } from "../domain/library/Track.ts"
import { AlbumSort, SortOrder, TrackSort } from "../services/LibraryCatalog.ts"

/** `code` is for programs, `message` is a sentence for a person. Neither holds a path. */
const problem = { code: Schema.String, message: Schema.String }

export class BadRequest extends Schema.TaggedError<BadRequest>()(
  "BadRequest",
  problem,
  HttpApiSchema.annotations({ status: 400 })
) {}

export class NotFound extends Schema.TaggedError<NotFound>()(
  "NotFound",
  problem,
  HttpApiSchema.annotations({ status: 404 })
) {}

/** The library knows the track, but its file is gone or cannot be read any more. */
export class Gone extends Schema.TaggedError<Gone>()("Gone", problem, HttpApiSchema.annotations({ status: 410 })) {}

const Id = Schema.NumberFromString.pipe(Schema.int(), Schema.positive())
const trackPath = Schema.Struct({ id: Schema.compose(Schema.NumberFromString, TrackId) })

export const largestPage = 500
const Limit = Schema.NumberFromString.pipe(Schema.int(), Schema.between(1, largestPage))
export const longestSearch = 200
const Search = Schema.String.pipe(Schema.maxLength(longestSearch))

const paging = {
  cursor: Schema.optional(Schema.String.pipe(Schema.maxLength(4000))),
  limit: Schema.optionalWith(Limit, { default: () => 100 })
}
const searching = { search: Schema.optional(Search), ...paging }

export const PageOf = <A, I>(item: Schema.Schema<A, I>) =>
  Schema.Struct({
    items: Schema.Array(item),
    /** For the next page; null on the last one. */
    next_cursor: Schema.NullOr(Schema.String),
    /** Of all pages. */
    total: Schema.Int
  })

const Waveform = Schema.Struct({
  points: Schema.Int,
  /** Lowest sample of each stretch, over all channels, full scale = 1. */
  min: Schema.Array(Schema.Finite),
  max: Schema.Array(Schema.Finite)
}).annotations({ identifier: "Waveform" })

const mostPoints = 2000

export const ServiceStatus = Schema.Struct({
  version: Schema.String,
  tracks: Schema.Int,
  fingerprints: Schema.Struct({
    ready: Schema.Int,
    pending: Schema.Int,
    analyzing: Schema.Int,
    failed: Schema.Int
  }),
  fingerprint_server: Schema.Literal("available", "unavailable"),
  /** Streams that play now. */
  streams_active: Schema.Int
}).annotations({ identifier: "ServiceStatus" })
export type ServiceStatus = typeof ServiceStatus.Type

/** Decodes the answer of `GET /api/status`. */
export const decodeServiceStatus = Schema.decodeUnknown(ServiceStatus)

const tracks = HttpApiGroup.make("tracks")
  .add(
    HttpApiEndpoint.get("list", "/tracks")
      .setUrlParams(
        Schema.Struct({
          ...searching,
          sort: Schema.optionalWith(TrackSort, { default: () => "artist" }),
          order: Schema.optionalWith(SortOrder, { default: () => "asc" }),
          album_id: Schema.optional(Id),
          artist_id: Schema.optional(Id)
        })
      )
      .addSuccess(PageOf(ListedTrack))
      .addError(BadRequest)
  )
  .add(
    HttpApiEndpoint.get("one", "/tracks/:id")
      .setPath(trackPath)
      .addSuccess(ListedTrack)
      .addError(NotFound)
      .addError(Gone)
  )
  .add(
    HttpApiEndpoint.get("art", "/tracks/:id/art")
      .setPath(trackPath)
      .addSuccess(HttpApiSchema.Uint8Array({ contentType: "image/*" }))
      .addError(NotFound)
      .addError(Gone)
  )
  .add(
    HttpApiEndpoint.get("fingerprint", "/tracks/:id/fingerprint")
      .setPath(trackPath)
      .addSuccess(TrackAnalysis)
      .addError(NotFound)
      .addError(Gone)
  )
  .add(
    HttpApiEndpoint.get("plan", "/tracks/:id/plan")
      .setPath(trackPath)
      .setUrlParams(
        Schema.Struct({
          preset: Schema.optionalWith(Preset, { default: () => "adaptive" }),
          intensity: Schema.optionalWith(Schema.compose(Schema.NumberFromString, Intensity), { default: () => 1 })
        })
      )
      .addSuccess(MasteringPlan)
      .addError(NotFound)
      .addError(Gone)
  )
  .add(
    HttpApiEndpoint.get("waveform", "/tracks/:id/waveform")
      .setPath(trackPath)
      .setUrlParams(
        Schema.Struct({
          points: Schema.optionalWith(Schema.NumberFromString.pipe(Schema.int(), Schema.between(1, mostPoints)), {
            default: () => 1000
          })
        })
      )
      .addSuccess(Waveform)
      .addError(NotFound)
      .addError(Gone)
  )

const library = HttpApiGroup.make("library")
  .add(
    HttpApiEndpoint.get("albums", "/albums")
      .setUrlParams(Schema.Struct({ ...searching, sort: Schema.optionalWith(AlbumSort, { default: () => "title" }) }))
      .addSuccess(PageOf(Album))
      .addError(BadRequest)
  )
  .add(
    HttpApiEndpoint.get("artists", "/artists")
      .setUrlParams(Schema.Struct(searching))
      .addSuccess(PageOf(Artist))
      .addError(BadRequest)
  )
  .add(
    HttpApiEndpoint.get("unreadable", "/unreadable")
      .setUrlParams(Schema.Struct(paging))
      .addSuccess(PageOf(UnreadableFile))
      .addError(BadRequest)
  )
  .add(HttpApiEndpoint.get("spread", "/library/spread").addSuccess(LibrarySpread))
  .add(HttpApiEndpoint.get("scanStatus", "/scan").addSuccess(ScanStatus))
  .add(HttpApiEndpoint.post("scan", "/scan").addSuccess(ScanStatus, { status: 202 }))

const service = HttpApiGroup.make("service").add(HttpApiEndpoint.get("status", "/status").addSuccess(ServiceStatus))

export const LatheApi = HttpApi.make("lathe")
  .add(tracks)
  .add(library)
  .add(service)
  .prefix("/api")
  .annotate(OpenApi.Title, "lathe")
  .annotate(OpenApi.Description, "The library of a lathe service: tracks, albums, artists, fingerprints and plans.")
