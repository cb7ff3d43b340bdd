/**
 * The RPC API for other services, at `/rpc`. Calls go over WebSocket (msgpack) or HTTP POST (JSON); streams over
 * WebSocket only, where acknowledgements bound what a slow reader costs.
 */
import { Rpc, RpcGroup } from "@effect/rpc"
import { Schema } from "effect"
import { TrackUnreadable } from "../domain/audio/AnalysisError.ts"
import { TrackAnalysis } from "../domain/fingerprint/Fingerprint.ts"
import { FingerprintStatus } from "../domain/fingerprint/FingerprintStatus.ts"
import { LibrarySpread } from "../domain/fingerprint/LibrarySpread.ts"
import { Album, Artist, ListedTrack, ScanStatus, UnreadableFile } from "../domain/library/Library.ts"
import { Track, TrackId, TrackNotFound } from "../domain/library/Track.ts"
import { MasteringPlan } from "../domain/mastering/MasteringPlan.ts"
import { TooManyStreams } from "../domain/streaming/TooManyStreams.ts"
import { enhancement } from "./EnhancementRequest.ts"
import { AlbumQuery, PageOf, paging, searching, TrackQuery } from "./Lists.ts"
import { asNumber } from "./Numbers.ts"
import { playRequest } from "./PlayRequest.ts"
import { BadRequest } from "./Problems.ts"
import { ServiceStatus } from "./ServiceStatus.ts"

const track = { track_id: TrackId }
const error = Schema.Union(TrackNotFound, TrackUnreadable)

/** One step on the way to a fingerprint; the last one of a stream carries the analysis, or null where there is none. */
const GenerationStep = Schema.Struct({ status: FingerprintStatus, analysis: Schema.NullOr(TrackAnalysis) })

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

export class LatheCalls extends RpcGroup.make(
  /** All tracks at once; of a large library rather pages: FindTracks. */
  Rpc.make("ListTracks", { success: Schema.Array(Track) }),
  Rpc.make("GetTrack", { payload: track, success: ListedTrack, error }),
  /** The stored fingerprint, or null: generates nothing. */
  Rpc.make("GetFingerprint", { payload: track, success: Schema.NullOr(TrackAnalysis), error }),
  /** The fingerprint, generated where none is stored; null where it cannot be had (see GenerateFingerprint for why). */
  Rpc.make("GetOrGenerateFingerprint", { payload: track, success: Schema.NullOr(TrackAnalysis), error }),
  /**
   * What would be done to the track, and why. The fingerprint is generated where none is stored, however long it takes
   * (`GET /api/tracks/:id/plan` waits for 2 s); by the fallback where none can be had.
   */
  Rpc.make("GetMasteringPlan", { payload: { ...track, ...enhancement }, success: MasteringPlan, error }),
  /** Pages, as `GET /api/tracks` gives them; so do the ones below. */
  Rpc.make("FindTracks", {
    payload: TrackQuery(asNumber),
    success: PageOf(ListedTrack),
    error: BadRequest
  }),
  Rpc.make("FindAlbums", {
    payload: AlbumQuery(asNumber),
    success: PageOf(Album),
    error: BadRequest
  }),
  Rpc.make("FindArtists", { payload: searching(asNumber), success: PageOf(Artist), error: BadRequest }),
  Rpc.make("ListUnreadable", { payload: paging(asNumber), success: PageOf(UnreadableFile), error: BadRequest }),
  Rpc.make("GetLibrarySpread", { success: LibrarySpread }),
  Rpc.make("GetScanStatus", { success: ScanStatus }),
  /** Starts a scan of the music folders, where none runs. */
  Rpc.make("StartScan", { success: ScanStatus }),
  Rpc.make("GetStatus", { success: ServiceStatus })
) {}

export class LatheStreams extends RpcGroup.make(
  Rpc.make("GenerateFingerprint", { payload: track, success: GenerationStep, error, stream: true }),
  Rpc.make("StreamMastered", {
    payload: { ...playRequest, ...enhancement },
    success: MasteredEvent,
    error: Schema.Union(error, TooManyStreams),
    stream: true
  })
) {}

/** Everything, as it is served over WebSocket. */
export const LatheRpcs = LatheCalls.merge(LatheStreams)
