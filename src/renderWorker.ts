/** Entry point of one render worker: a process of the pool in layers/mastering/ChunkMasteringProcessPool.ts. */
import { Layer } from "effect"
import * as AudioDecoderNodeAv from "./layers/audio/AudioDecoderNodeAv.ts"
import { serve } from "./layers/mastering/ChunkMasteringProcessWorker.ts"
import * as ChunkMasteringRenderer from "./layers/mastering/ChunkMasteringRenderer.ts"

serve(ChunkMasteringRenderer.layer.pipe(Layer.provide(AudioDecoderNodeAv.layer)))
