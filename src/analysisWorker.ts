/** Entry point of one analysis worker: a process of the pool in layers/TrackAnalyzerProcessPool.ts. */
import { constants, setPriority } from "node:os"
import { Layer } from "effect"
import * as AudioDecoderNodeAv from "./layers/AudioDecoderNodeAv.ts"
import * as TrackAnalyzerLocal from "./layers/TrackAnalyzerLocal.ts"
import { serve } from "./layers/TrackAnalyzerProcessWorker.ts"

// Playback goes first: whatever renders audio on this machine has the processor when it wants it.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
serve(TrackAnalyzerLocal.layer.pipe(Layer.provide(AudioDecoderNodeAv.layer)))
