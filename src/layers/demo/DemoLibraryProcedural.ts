/** DemoLibrary rendered by dsp/demo, a thread for each piece, and written as FLAC. */
import { access, mkdir } from "node:fs/promises"
import { join } from "node:path"
import { Worker } from "node:worker_threads"
import { Effect, Layer, Stream } from "effect"
import { type DemoPiece, demoPieces } from "../../dsp/demo/DemoPieces.ts"
import type { Stereo } from "../../dsp/demo/Stereo.ts"
import { AudioEncoder } from "../../services/AudioEncoder.ts"
import { DemoLibrary } from "../../services/DemoLibrary.ts"
import { writeErrorFrom } from "../audio/audioWriteErrors.ts"
import { entryPoint } from "../process/entryPoints.ts"

const sampleRate = 44_100

/** Pieces in the making at a time: more would only hold more of them in memory. */
const concurrency = 2

/** Samples per channel handed to the encoder at a time: about a millisecond of its work. */
const blockFrames = 8192

const make = Effect.gen(function* () {
  const encoder = yield* AudioEncoder

  const makePiece = Effect.fn("DemoLibrary.makePiece")(function* (piece: DemoPiece, path: string) {
    const channels = yield* render(piece)
    const { title, artist, album } = piece
    yield* encoder.write(
      path,
      {
        sampleRate,
        channels: 2,
        encoding: { container: "flac", sampleFormat: "int24" },
        tags: { title, artist, album }
      },
      blocksOf(channels)
    )
    yield* Effect.logInfo(`Made the demo piece ${piece.fileName}`)
  })

  const ensure = Effect.fn("DemoLibrary.ensure")(function* (folder: string) {
    yield* Effect.tryPromise({
      try: () => mkdir(folder, { recursive: true }),
      catch: (cause) => writeErrorFrom(folder, cause)
    })
    yield* Effect.forEach(
      demoPieces,
      (piece) => {
        const path = join(folder, piece.fileName)
        return Effect.unlessEffect(makePiece(piece, path), exists(path))
      },
      { concurrency, discard: true }
    )
  })

  return DemoLibrary.of({ ensure })
})

const exists = (path: string): Effect.Effect<boolean> =>
  Effect.promise(() =>
    access(path).then(
      () => true,
      () => false
    )
  )

/** Renders in a thread of its own, which interruption ends. A thread that fails is a defect. */
const render = ({ fileName }: DemoPiece): Effect.Effect<Stereo> =>
  Effect.async<Stereo>((resume) => {
    const worker = new Worker(entryPoint("demoWorker"), { workerData: { fileName, sampleRate } })
    worker.once("message", (channels: Stereo) => resume(Effect.succeed(channels)))
    worker.once("error", (cause) => resume(Effect.die(cause)))
    worker.once("exit", (code) => resume(Effect.dieMessage(`Rendering ${fileName} ended with exit code ${code}`)))
    return Effect.promise(() => worker.terminate())
  })

/** Yields to the event loop between blocks: encoding is synchronous. */
const blocksOf = (channels: Stereo): Stream.Stream<ReadonlyArray<Float32Array>> =>
  Stream.range(0, Math.ceil(channels[0].length / blockFrames) - 1).pipe(
    Stream.rechunk(1),
    Stream.mapEffect((block) => {
      const from = block * blockFrames
      const samples = channels.map((channel) => channel.subarray(from, from + blockFrames))
      return Effect.as(Effect.yieldNow(), samples)
    })
  )

export const layer = Layer.effect(DemoLibrary, make)
