/**
 * A worker of the render pool that plays `scriptedSong`, whatever the path, by the real chain. From the sample
 * `faultAt` on, the file's name decides what happens: `crash`, `stuck`, `garbage` (with `-once`: the first time only,
 * remembered by a file of that name and the ending `.done`), `broken`; any other name: nothing. Its first argument is a
 * folder, where it leaves a file named by its process id.
 */
import { existsSync, writeFileSync, writeSync } from "node:fs"
import { basename, join } from "node:path"
import { Effect, Layer, Stream } from "effect"
import { reportDescriptor } from "../../src/layers/mastering/ChunkMasteringProcessProtocol.ts"
import { serve } from "../../src/layers/mastering/ChunkMasteringProcessWorker.ts"
import * as ChunkMasteringRenderer from "../../src/layers/mastering/ChunkMasteringRenderer.ts"
import { ChunkMastering } from "../../src/services/ChunkMastering.ts"
import { faultAt, scriptedMastering } from "./scriptedSong.ts"

const [folder = "."] = process.argv.slice(2)
writeFileSync(join(folder, `${process.pid}.pid`), "")

const fault = (path: string) =>
  Effect.suspend(() => {
    const name = basename(path)
    const isOnce = name.endsWith("-once")
    if (isOnce && existsSync(`${path}.done`)) return Effect.void
    if (isOnce) writeFileSync(`${path}.done`, "")
    switch (name.replace("-once", "")) {
      case "crash":
        process.exit(7)
        break
      case "stuck":
        // As a native call that does not return: the event loop stands still.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
        break
      case "garbage":
        writeSync(reportDescriptor, Buffer.alloc(64, 0xff))
        return Effect.never
      case "broken":
        return Effect.dieMessage("a defect of the rendering")
    }
    return Effect.void
  })

const faulty = Layer.effect(
  ChunkMastering,
  Effect.map(ChunkMastering, (mastering) => ({
    open: (request) =>
      Effect.map(mastering.open(request), (rendering) => ({
        ...rendering,
        packets: Stream.tap(rendering.packets, ({ sampleOffset }) =>
          sampleOffset >= faultAt ? fault(request.path) : Effect.void
        )
      }))
  }))
).pipe(Layer.provide(scriptedMastering(ChunkMasteringRenderer.layer)))

serve(faulty)
