/**
 * The RPC API for other services, at `/rpc`. Calls go over WebSocket (msgpack) or HTTP POST (JSON); streams over
 * WebSocket only, where acknowledgements bound what a slow reader costs.
 */
import { Rpc, RpcGroup } from "@effect/rpc"
import { Schema } from "effect"
import { TrackUnreadable } from "../domain/audio/AnalysisError.ts"
import { TrackAnalysis } from "../domain/fingerprint/Fingerprint.ts"
import { FingerprintStatus } from "../domain/fingerprint/FingerprintStatus.ts"
import { Album, Artist, LibrarySpread, ListedTrack, ScanStatus, UnreadableFile } from "../domain/library/Library.ts"
import { BypassableStage, Intensity, MasteringPlan, Preset } from "../domain/mastering/MasteringPlan.ts"
import { DeliveredSampleRate } from "../domain/audio/SampleRate.ts"
import { TooManyStreams } from "../domain/streaming/TooManyStreams.ts"
import { Track, TrackId, TrackNotFound } from "../domain/library/Track.ts"
import { BadRequest, largestPage, longestSearch, PageOf, ServiceStatus } from "./LatheApi.ts"
import { AlbumSort, SortOrder, TrackSort } from "../services/LibraryCatalog.ts"

const track = { track_id: TrackId }
const Seconds = Schema.Finite.pipe(Schema.nonNegative())
const enhancement = {
  preset: Schema.optionalWith(Preset, { default: () => "adaptive" }),
  intensity: Schema.optionalWith(Intensity, { default: () => 1 }),
  /** Stages to leave out. */
  bypass: Schema.optionalWith(Schema.Array(BypassableStage), { default: () => [] })
}
const error = Schema.Union(TrackNotFound, TrackUnreadable)

/** One step on the way to a fingerprint; the last one of a stream carries the analysis, or null where there is none. */
export const GenerationStep = Schema.Struct({ status: FingerprintStatus, analysis: Schema.NullOr(TrackAnalysis) })

/** What `StreamMastered` sends. `Started` first, then plans and PCM in the order in which they are heard. */
export const MasteredEvent = Schema.Union(
  Schema.TaggedStruct("Started", {
    track: Track,
    sample_rate: Schema.Int,
    channels: Schema.Int,
    /** Samples per channel of the whole track. */
    total_samples: Schema.Int,
    /** Samples per channel from the start of the track. */
    start_sample: Schema.Int
  }),
  Schema.TaggedStruct("Fingerprint", { status: FingerprintStatus }),
  Schema.TaggedStruct("Planned", { plan: MasteringPlan }),
  Schema.TaggedStruct("Pcm", {
    sample_offset: Schema.Int,
    sample_count: Schema.Int,
    /** Little-endian float32, interleaved. */
    pcm: Schema.Uint8ArrayFromSelf
  })
)
export type MasteredEvent = typeof MasteredEvent.Type

const paging = {
  cursor: Schema.optional(Schema.String.pipe(Schema.maxLength(4000))),
  limit: Schema.optionalWith(Schema.Int.pipe(Schema.between(1, largestPage)), { default: () => 100 })
}
const searching = { search: Schema.optional(Schema.String.pipe(Schema.maxLength(longestSearch))), ...paging }
const Id = Schema.Int.pipe(Schema.positive())

export class LatheCalls extends RpcGroup.make(
  /** All tracks at once; of a large library rather pages: FindTracks. */
  Rpc.make("ListTracks", { success: Schema.Array(Track) }),
  Rpc.make("GetTrack", { payload: track, success: Track, error }),
  /** The stored fingerprint, or null: generates nothing. */
  Rpc.make("GetFingerprint", { payload: track, success: Schema.NullOr(TrackAnalysis), error }),
  /** The fingerprint, generated where none is stored; null where it cannot be had (see GenerateFingerprint for why). */
  Rpc.make("GetOrGenerateFingerprint", { payload: track, success: Schema.NullOr(TrackAnalysis), error }),
  /** What would be done to the track, and why. By the fallback where no fingerprint can be had. */
  Rpc.make("GetMasteringPlan", { payload: { ...track, ...enhancement }, success: MasteringPlan, error }),
  /** Pages, as `GET /api/tracks` gives them; so do the ones below. */
  Rpc.make("FindTracks", {
    payload: Schema.Struct({
      ...searching,
      sort: Schema.optionalWith(TrackSort, { default: () => "artist" }),
      order: Schema.optionalWith(SortOrder, { default: () => "asc" }),
      album_id: Schema.optional(Id),
      artist_id: Schema.optional(Id)
    }),
    success: PageOf(ListedTrack),
    error: BadRequest
  }),
  Rpc.make("FindAlbums", {
    payload: Schema.Struct({ ...searching, sort: Schema.optionalWith(AlbumSort, { default: () => "title" }) }),
    success: PageOf(Album),
    error: BadRequest
  }),
  Rpc.make("FindArtists", { payload: searching, success: PageOf(Artist), error: BadRequest }),
  Rpc.make("ListUnreadable", { payload: paging, success: PageOf(UnreadableFile), error: BadRequest }),
  Rpc.make("GetLibrarySpread", { success: LibrarySpread }),
  Rpc.make("GetScanStatus", { success: ScanStatus }),
  /** Starts a scan of the music folders, where none runs. */
  Rpc.make("StartScan", { success: ScanStatus }),
  Rpc.make("GetStatus", { success: ServiceStatus })
) {}

export class LatheStreams extends RpcGroup.make(
  Rpc.make("GenerateFingerprint", { payload: track, success: GenerationStep, error, stream: true }),
  Rpc.make("StreamMastered", {
    payload: Schema.Struct({
      ...track,
      ...enhancement,
      /** Seconds. */
      start_position: Schema.optionalWith(Seconds, { default: () => 0 }),
      /** Hz; left out: the file's own. Samples count at it. */
      sample_rate: Schema.optionalWith(DeliveredSampleRate, { exact: true })
    }),
    success: MasteredEvent,
    error: Schema.Union(error, TooManyStreams),
    stream: true
  })
) {}

/** Everything, as it is served over WebSocket. */
export const LatheRpcs = LatheCalls.merge(LatheStreams)
