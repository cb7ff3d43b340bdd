/** Entry point of one analysis worker: a process of the pool in layers/fingerprint/TrackAnalyzerProcessPool.ts. */
import { constants, setPriority } from "node:os"
import { Layer } from "effect"
import * as AudioDecoderNodeAv from "./layers/audio/AudioDecoderNodeAv.ts"
import * as TrackAnalyzerLocal from "./layers/fingerprint/TrackAnalyzerLocal.ts"
import { serve } from "./layers/fingerprint/TrackAnalyzerProcessWorker.ts"

// Playback goes first: whatever renders audio on this machine has the processor when it wants it.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
serve(TrackAnalyzerLocal.layer.pipe(Layer.provide(AudioDecoderNodeAv.layer)))
