/** Music to measure with: the demo pieces, one after the other, to any length. */
import { Effect, Stream } from "effect"
import { demoPieces } from "../../demo/DemoPieces.ts"
import * as AudioEncoderNodeAv from "../../src/layers/audio/AudioEncoderNodeAv.ts"
import { AudioEncoder, encodingFor } from "../../src/services/AudioEncoder.ts"

const sampleRate = 44_100

/** Stereo, 44.1 kHz, FLAC or WAV by its ending. */
export const writeTestPiece = (path: string, seconds: number): Promise<void> =>
  Effect.gen(function* () {
    const encoder = yield* AudioEncoder
    const encoding = yield* encodingFor(path)
    const pieces = demoPieces.map((piece) => piece.render(sampleRate))
    let left = Math.round(seconds * sampleRate)
    const parts: Array<ReadonlyArray<Float32Array>> = []
    for (let n = 0; left > 0; n++) {
      const piece = pieces[n % pieces.length]!
      const length = Math.min(left, piece[0].length)
      parts.push(piece.map((channel) => channel.subarray(0, length)))
      left -= length
    }
    yield* encoder.write(path, { sampleRate, channels: 2, encoding }, Stream.fromIterable(parts))
  }).pipe(Effect.provide(AudioEncoderNodeAv.layer), Effect.runPromise)
