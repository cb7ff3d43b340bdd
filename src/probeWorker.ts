/** Entry point of one probe worker: a process of the pools in layers/library/TrackFileReaderProcess.ts. */
import { constants, setPriority } from "node:os"
import * as AudioDecoderNodeAv from "./layers/audio/AudioDecoderNodeAv.ts"
import { serve } from "./layers/library/TrackFileReaderProcessWorker.ts"

// Playback goes first: whatever renders audio on this machine has the processor when it wants it.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
serve(AudioDecoderNodeAv.layer)
