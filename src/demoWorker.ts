/** Entry point of the thread that renders one demo piece: see layers/demo/DemoLibraryProcedural.ts. */
import { parentPort, workerData } from "node:worker_threads"
import { demoPieces } from "./dsp/demo/DemoPieces.ts"

const { fileName, sampleRate } = workerData as { readonly fileName: string; readonly sampleRate: number }
const piece = demoPieces.find((candidate) => candidate.fileName === fileName)
if (piece === undefined) throw new RangeError(`There is no demo piece ${fileName}`)
const channels = piece.render(sampleRate)
parentPort?.postMessage(
  channels,
  channels.map((samples) => samples.buffer)
)
