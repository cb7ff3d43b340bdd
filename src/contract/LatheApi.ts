/** The HTTP API: what a player needs of the library. Handlers: LatheApiRoutes. Examples: docs/api.md. */
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "@effect/platform"
import { Schema } from "effect"
import { TrackAnalysis } from "../domain/fingerprint/Fingerprint.ts"
import { LibrarySpread } from "../domain/fingerprint/LibrarySpread.ts"
import { Album, Artist, ListedTrack, ScanStatus, UnreadableFile } from "../domain/library/Library.ts"
import { TrackId } from "../domain/library/Track.ts"
import { MasteringPlan } from "../domain/mastering/MasteringPlan.ts"
import { enhancementQuery } from "./EnhancementRequest.ts"
import { AlbumQuery, PageOf, paging, searching, TrackQuery } from "./Lists.ts"
import { asText } from "./Numbers.ts"
import { BadRequest, Gone, NotFound } from "./Problems.ts"
import { ServiceStatus } from "./ServiceStatus.ts"
import { Waveform, WaveformPoints } from "./Waveform.ts"

const trackPath = Schema.Struct({ id: asText(TrackId) })

const tracks = HttpApiGroup.make("tracks")
  .add(
    HttpApiEndpoint.get("list", "/tracks")
      .setUrlParams(TrackQuery(asText))
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
      .setUrlParams(Schema.Struct(enhancementQuery))
      .addSuccess(MasteringPlan)
      .addError(NotFound)
      .addError(Gone)
  )
  .add(
    HttpApiEndpoint.get("waveform", "/tracks/:id/waveform")
      .setPath(trackPath)
      .setUrlParams(Schema.Struct({ points: Schema.optionalWith(asText(WaveformPoints), { default: () => 1000 }) }))
      .addSuccess(Waveform)
      .addError(NotFound)
      .addError(Gone)
  )

const library = HttpApiGroup.make("library")
  .add(
    HttpApiEndpoint.get("albums", "/albums")
      .setUrlParams(AlbumQuery(asText))
      .addSuccess(PageOf(Album))
      .addError(BadRequest)
  )
  .add(
    HttpApiEndpoint.get("artists", "/artists")
      .setUrlParams(Schema.Struct(searching(asText)))
      .addSuccess(PageOf(Artist))
      .addError(BadRequest)
  )
  .add(
    HttpApiEndpoint.get("unreadable", "/unreadable")
      .setUrlParams(Schema.Struct(paging(asText)))
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
