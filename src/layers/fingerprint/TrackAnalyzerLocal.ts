/** TrackAnalyzer in this process: decodes with AudioDecoder, measures with FingerprintAnalyzer, hashes the file. */
import { createHash } from "node:crypto"
import { open, stat } from "node:fs/promises"
import { basename } from "node:path"
import { Clock, Effect, Layer, Schema } from "effect"
import {
  type AnalysisError,
  TrackSilent,
  TrackTooLarge,
  TrackTooShort,
  TrackUnreadable,
  type UnreadableReason
} from "../../domain/audio/AnalysisError.ts"
import { algorithmVersion, type AnalysisProgress, TrackAnalysis } from "../../domain/fingerprint/Fingerprint.ts"
import { isSameSizeAndTime, type SizeAndTime } from "../../domain/library/Track.ts"
import {
  type AnalysisOutcome,
  type FingerprintAnalyzer,
  makeFingerprintAnalyzer,
  minimumSeconds
} from "../../dsp/analysis/FingerprintAnalyzer.ts"
import { PeakOutline, type Peaks } from "../../dsp/Waveform.ts"
import { AudioDecoder } from "../../services/AudioDecoder.ts"
import { TrackAnalyzer } from "../../services/TrackAnalyzer.ts"
import { turnOfEventLoop } from "../process/eventLoop.ts"

/** A day: the series that grow with the track (flux every 10 ms, power every 100 ms) then take some 150 MB. */
const maximumSeconds = 24 * 3600

/** Samples per channel that are decoded and measured before the event loop has its turn: some milliseconds of work. */
const framesPerTurn = 32_768

/** Read and hashed at a time: in pieces of 64 KiB, as a stream has them, the hash takes twice its time. */
const hashBytes = 1 << 20

const make = Effect.gen(function* () {
  const decoder = yield* AudioDecoder

  const analyze = Effect.fn("TrackAnalyzer.analyze")(function* (
    path: string,
    onProgress: (progress: AnalysisProgress) => Effect.Effect<void> = () => Effect.void,
    onWaveform?: (peaks: Peaks) => void
  ) {
    const startedAt = yield* Clock.currentTimeMillis
    const file = basename(path)
    const version = yield* versionOf(path)
    const { info, loss, readInto } = yield* decoder.open(path)
    yield* refuseTooLarge(file, info.totalFrames, info.sampleRate)

    const analyzer = makeFingerprintAnalyzer({ sampleRate: info.sampleRate, channels: info.channels })
    const progress = makeProgress(info.totalFrames, onProgress)
    const block = Array.from({ length: info.channels }, () => new Float32Array(framesPerTurn))
    const outline = onWaveform && new PeakOutline()
    let frames = 0
    const feed = Effect.gen(function* () {
      for (;;) {
        const length = yield* readInto(block, framesPerTurn)
        if (length === 0) return
        analyzer.push(block, length)
        outline?.push(block, length)
        frames += length
        yield* refuseTooLarge(file, frames, info.sampleRate)
        yield* progress(frames)
        yield* turnOfEventLoop
      }
    })
    const [content_sha256] = yield* Effect.all([sha256Of(path, version.size), feed], { concurrency: 2 })
    yield* onProgress({ stage: "finishing", percent: 100 })

    const { fingerprint, measurements } = yield* measured(analyzer, file, decoder.identity.name, info.sampleRate)
    if (!isSameSizeAndTime(version, yield* versionOf(path))) return yield* changed(file)
    if (outline !== undefined) onWaveform?.(outline.peaks())
    const endedAt = yield* Clock.currentTimeMillis
    return yield* decodeAnalysis({
      fingerprint,
      measurements,
      provenance: {
        algorithm_version: algorithmVersion,
        decoder: decoder.identity.name,
        decoder_version: decoder.identity.version,
        frames_analysed: frames,
        frames_lost: loss()?.frames ?? 0,
        file_size: version.size,
        file_mtime_ms: version.mtime_ms,
        content_sha256,
        analysed_at: new Date(endedAt).toISOString(),
        elapsed_seconds: Math.max(0, endedAt - startedAt) / 1000
      }
    })
  }, Effect.scoped)

  return TrackAnalyzer.of({ analyze })
})

export const layer = Layer.effect(TrackAnalyzer, make)

// An analysis outside its schema is a fault of the program, never a result.
const decodeAnalysis = (analysis: unknown) => Effect.orDie(Schema.decodeUnknown(TrackAnalysis)(analysis))

/** At most one report a percent; none beyond the first where the container does not say how long the track is. */
const makeProgress = (totalFrames: number, onProgress: (progress: AnalysisProgress) => Effect.Effect<void>) => {
  let reported = -1
  return (frames: number): Effect.Effect<void> => {
    const percent = totalFrames > 0 ? Math.min(99, Math.floor((100 * frames) / totalFrames)) : 0
    if (!(percent > reported)) return Effect.void
    reported = percent
    return onProgress({ stage: "decoding", percent })
  }
}

const refuseTooLarge = (file: string, frames: number, sampleRate: number): Effect.Effect<void, TrackTooLarge> => {
  const duration_seconds = frames / sampleRate
  return duration_seconds > maximumSeconds
    ? Effect.fail(new TrackTooLarge({ file, duration_seconds, maximum_seconds: maximumSeconds }))
    : Effect.void
}

/** A file that is written to while it is read gives a fingerprint of neither content. */
const changed = (file: string) => new TrackUnreadable({ file, stage: "analyse", reason: "corrupt" })

const measured = (
  analyzer: FingerprintAnalyzer,
  file: string,
  decoder: string,
  sampleRate: number
): Effect.Effect<Extract<AnalysisOutcome, { kind: "measured" }>, AnalysisError> => {
  const outcome = analyzer.finish()
  switch (outcome.kind) {
    case "measured":
      return Effect.succeed(outcome)
    case "too_short":
      return Effect.fail(
        new TrackTooShort({ file, duration_seconds: outcome.seconds, minimum_seconds: minimumSeconds })
      )
    case "silent":
      return Effect.fail(new TrackSilent({ file }))
    case "not_finite":
      return Effect.fail(
        new TrackUnreadable({
          file,
          stage: "analyse",
          reason: "not_finite",
          decoder,
          position_seconds: outcome.frame / sampleRate
        })
      )
    case "out_of_scale":
      return Effect.fail(new TrackUnreadable({ file, stage: "analyse", reason: "corrupt", decoder }))
  }
}

const reasonOfCode: Record<string, UnreadableReason> = {
  ENOENT: "missing",
  ENOTDIR: "missing",
  ENAMETOOLONG: "missing",
  EACCES: "denied",
  EPERM: "denied"
}

const unreadable = (path: string) => (cause: unknown) => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  return new TrackUnreadable({ file: basename(path), stage: "open", reason: reasonOfCode[code] ?? "corrupt" })
}

const versionOf = (path: string): Effect.Effect<SizeAndTime, TrackUnreadable> =>
  Effect.tryPromise({ try: () => stat(path), catch: unreadable(path) }).pipe(
    Effect.filterOrFail(
      (stats) => stats.isFile(),
      (stats) =>
        new TrackUnreadable({
          file: basename(path),
          stage: "open",
          reason: stats.isDirectory() ? "directory" : "not_audio"
        })
    ),
    Effect.map((stats) => ({ size: stats.size, mtime_ms: stats.mtimeMs }))
  )

const sha256Of = (path: string, size: number): Effect.Effect<string, TrackUnreadable> =>
  Effect.tryPromise({
    try: async (signal) => {
      const hash = createHash("sha256")
      // For a short file no more than it takes: what is allocated a file is what the collector runs after.
      const bytes = Buffer.allocUnsafeSlow(Math.max(1, Math.min(hashBytes, size)))
      const file = await open(path)
      try {
        while (!signal.aborted) {
          const { bytesRead } = await file.read(bytes, 0, bytes.length)
          if (bytesRead === 0) break
          hash.update(bytes.subarray(0, bytesRead))
        }
      } finally {
        await file.close()
      }
      return hash.digest("hex")
    },
    catch: unreadable(path)
  })
