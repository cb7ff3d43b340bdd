/** The one track of `scriptedRenderWorker`, and ChunkMastering over it. */
import { Effect, Layer } from "effect"
import { AudioDecoder } from "../../src/services/AudioDecoder.ts"
import type { ChunkMastering } from "../../src/services/ChunkMastering.ts"
import * as AudioDecoderMemory from "./AudioDecoderMemory.ts"
import { music } from "./music.ts"

export const songRate = 11_025
export const scriptedSong = music({
  sampleRate: songRate,
  seconds: 12,
  seed: 5,
  bpm: 118,
  drumsDb: 0,
  driveDb: 6,
  peakDbfs: -0.2
})
/** On the grid of 250 ms packets. */
export const faultAt = 8 * songRate

/** Every path is the song, but `missing`. */
const decoder = Layer.effect(
  AudioDecoder,
  Effect.map(AudioDecoder, (memory) => {
    const known = (path: string) => (path.endsWith("missing") ? path : "/song")
    return {
      ...memory,
      probe: (path) => memory.probe(known(path)),
      open: (path, options) => memory.open(known(path), options),
      decode: (path, options) => memory.decode(known(path), options)
    }
  })
).pipe(Layer.provide(AudioDecoderMemory.layer({ "/song": { sampleRate: songRate, signal: scriptedSong } })))

export const scriptedMastering = (renderer: Layer.Layer<ChunkMastering, never, AudioDecoder>) =>
  Layer.provide(renderer, decoder)
