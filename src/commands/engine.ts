/** What measures and masters in this process. Loaded when a command needs it: FFmpeg alone takes a moment. */
import { Effect, Layer } from "effect"

const load = Effect.promise(async () => {
  const [decoder, encoder, analyzer, renderer] = await Promise.all([
    import("../layers/audio/AudioDecoderNodeAv.ts"),
    import("../layers/audio/AudioEncoderNodeAv.ts"),
    import("../layers/fingerprint/TrackAnalyzerLocal.ts"),
    import("../layers/mastering/ChunkMasteringRenderer.ts")
  ])
  return Layer.mergeAll(analyzer.layer, renderer.layer, encoder.layer).pipe(Layer.provideMerge(decoder.layer))
})

export const engine = Layer.unwrapEffect(load)
