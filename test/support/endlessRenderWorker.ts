/** A render worker whose decoder never returns from the second second of any file named `endless`. */
import { Effect, Layer } from "effect"
import * as AudioDecoderNodeAv from "../../src/layers/audio/AudioDecoderNodeAv.ts"
import { serve } from "../../src/layers/mastering/ChunkMasteringProcessWorker.ts"
import * as ChunkMasteringRenderer from "../../src/layers/mastering/ChunkMasteringRenderer.ts"
import { AudioDecoder } from "../../src/services/AudioDecoder.ts"

const endless = Layer.effect(
  AudioDecoder,
  Effect.map(AudioDecoder, (decoder) => ({
    ...decoder,
    open: (path, options) =>
      Effect.map(decoder.open(path, options), (opened) => {
        let blocks = 0
        return {
          ...opened,
          readInto: (target, frames) => {
            if (path.includes("endless") && ++blocks > 4) for (;;);
            return opened.readInto(target, frames)
          }
        }
      })
  }))
).pipe(Layer.provide(AudioDecoderNodeAv.layer))

serve(ChunkMasteringRenderer.layer.pipe(Layer.provide(endless)))
