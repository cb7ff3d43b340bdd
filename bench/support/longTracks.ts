/** Long files to measure memory with. */
import { Effect, Stream } from "effect"
import { makeRandom } from "../../demo/Random.ts"
import * as AudioEncoderNodeAv from "../../src/layers/audio/AudioEncoderNodeAv.ts"
import { AudioEncoder, encodingFor } from "../../src/services/AudioEncoder.ts"

/** A minute of noise, nine of silence, and so on to any length: long files that cost little to write. */
export const writeNoiseAndSilence = (
  path: string,
  seconds: number,
  format: { readonly sampleRate: number; readonly channels: number }
): Promise<void> =>
  Effect.gen(function* () {
    const encoder = yield* AudioEncoder
    const encoding = yield* encodingFor(path)
    const random = makeRandom(1)
    const second = (gain: number) =>
      Array.from({ length: format.channels }, () =>
        Float32Array.from({ length: format.sampleRate }, () => gain * (2 * random() - 1))
      )
    const noise = second(0.1)
    const silence = second(0)
    const blocks = Stream.range(0, Math.ceil(seconds) - 1).pipe(
      Stream.map((n) => (Math.floor(n / 60) % 10 === 0 ? noise : silence))
    )
    yield* encoder.write(path, { ...format, encoding }, blocks)
  }).pipe(Effect.provide(AudioEncoderNodeAv.layer), Effect.runPromise)
