/** The thread that makes one demo piece: rendered, encoded as FLAC of 24 bits, written to a path. See render.ts. */
import { writeFileSync } from "node:fs"
import { workerData } from "node:worker_threads"
import { makeFlacWriter } from "../src/layers/audio/nodeAv/writers.ts"
import { demoPieces } from "./DemoPieces.ts"
import type { Stereo } from "./Stereo.ts"

export interface PieceOrder {
  readonly fileName: string
  /** Hz. */
  readonly sampleRate: number
  /** Absolute; the file appears when the thread ends. */
  readonly path: string
}

const interleave = ([left, right]: Stereo): Float32Array => {
  const samples = new Float32Array(2 * left.length)
  for (let n = 0; n < left.length; n++) {
    samples[2 * n] = left[n]!
    samples[2 * n + 1] = right[n]!
  }
  return samples
}

const { fileName, path, sampleRate } = workerData as PieceOrder
const piece = demoPieces.find((candidate) => candidate.fileName === fileName)
if (piece === undefined) throw new RangeError(`There is no demo piece ${fileName}`)
const { album, artist, title } = piece
const writer = makeFlacWriter({ sampleRate, channels: 2, tags: { title, artist, album } })
const frames = writer.encode(interleave(piece.render(sampleRate)))
const { header, tail } = writer.finish()
writer.close()
writeFileSync(path, Buffer.concat([header, frames, tail]), { flush: true })
