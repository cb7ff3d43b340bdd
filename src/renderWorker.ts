/** Entry point of one render worker: a process of the pool in layers/ChunkMasteringProcessPool.ts. */
import { Layer } from "effect"
import * as AudioDecoderNodeAv from "./layers/AudioDecoderNodeAv.ts"
import { serve } from "./layers/ChunkMasteringProcessWorker.ts"
import * as ChunkMasteringRenderer from "./layers/ChunkMasteringRenderer.ts"

serve(ChunkMasteringRenderer.layer.pipe(Layer.provide(AudioDecoderNodeAv.layer)))
