/**
 * `node masterOnce.ts chain|limiter|copy file|stream|direct IN OUT [RATE]`: prints the CPU seconds of the second rendering
 * in this process. `file`: as `lathe master` does it, ChunkMastering's packets of 10 s to AudioEncoder. `stream`: packets as a
 * stream gets them, every quarter of a second in an array of its own. `direct`: the chain between the decoder and a file.
 */
import { closeSync, openSync, writeSync } from "node:fs"
import { Effect, Layer, Schema, Stream } from "effect"
import { DeliveredSampleRate } from "../../src/domain/audio/SampleRate.ts"
import { makeMasteringChain } from "../../src/dsp/mastering/MasteringChain.ts"
import * as AudioDecoderNodeAv from "../../src/layers/audio/AudioDecoderNodeAv.ts"
import * as AudioEncoderNodeAv from "../../src/layers/audio/AudioEncoderNodeAv.ts"
import * as ChunkMasteringRenderer from "../../src/layers/mastering/ChunkMasteringRenderer.ts"
import { wavHeader } from "../../src/layers/audio/nodeAv/wavHeader.ts"
import { AudioDecoder } from "../../src/services/AudioDecoder.ts"
import { AudioEncoder, encodingFor } from "../../src/services/AudioEncoder.ts"
import { ChunkMastering } from "../../src/services/ChunkMastering.ts"
import { isPlanName, planOf } from "./masteringPlans.ts"

const [name = "", way = "", input = "", output = "", rate] = process.argv.slice(2)
if (!isPlanName(name)) throw new Error(`there is no plan "${name}"`)
const plan = planOf(name)
const blockFrames = 8192
const wantedRate = rate === undefined ? undefined : Schema.decodeUnknownSync(DeliveredSampleRate)(Number(rate))

const mastered = Effect.gen(function* () {
  const mastering = yield* ChunkMastering
  const encoder = yield* AudioEncoder
  const { channels, packets, sampleRate } = yield* mastering.open({
    path: input,
    startFrame: 0,
    plan,
    sampleRate: wantedRate,
    ...(way === "file" ? { packetSeconds: 10, reusesMemory: true } : {})
  })
  const encoding = yield* encodingFor(output)
  const samples = Stream.map(packets, (packet) => packet.samples)
  yield* encoder.write(output, { sampleRate, channels, encoding }, samples)
})

const direct = Effect.gen(function* () {
  const decoder = yield* AudioDecoder
  const { info, readInto } = yield* decoder.open(input)
  const { channels, sampleRate } = info
  const chain = plan === null ? null : makeMasteringChain({ sampleRate, channels, settings: plan.settings })
  const block = Array.from({ length: channels }, () => new Float32Array(blockFrames))
  const interleaved = new Float32Array(blockFrames * channels)
  const bytes = new Uint8Array(interleaved.buffer)
  const file = openSync(output, "w")
  const format = { sampleRate, channels, sampleFormat: "float32" } as const
  writeSync(file, wavHeader(format, 0))
  let written = 0
  let held = chain?.latencyFrames ?? 0
  /** `skip`: the latency, at the beginning. */
  let skip = held
  const deliver = (count: number) => {
    chain?.process(block, 0, block, 0, count)
    const from = Math.min(skip, count)
    skip -= from
    for (let channel = 0; channel < channels; channel++) {
      const samples = block[channel]!
      for (let n = from, at = channel; n < count; n++, at += channels) interleaved[at] = samples[n]!
    }
    const length = 4 * channels * (count - from)
    for (let done = 0; done < length;) done += writeSync(file, bytes, done, length - done)
    written += count - from
  }
  for (;;) {
    const count = yield* readInto(block, blockFrames)
    if (count === 0) break
    deliver(count)
  }
  for (const samples of block) samples.fill(0)
  for (; held > 0; held -= Math.min(held, blockFrames)) deliver(Math.min(held, blockFrames))
  writeSync(file, wavHeader(format, written), 0, undefined, 0)
  closeSync(file)
})

const once = Effect.scoped(
  Effect.gen(function* () {
    if (way === "direct") yield* direct
    else yield* mastered
  })
)

const program = Effect.gen(function* () {
  yield* once
  const before = process.cpuUsage()
  yield* once
  const { user, system } = process.cpuUsage(before)
  console.log((user + system) / 1e6)
})

const decoder = AudioDecoderNodeAv.layer
const layer = Layer.mergeAll(Layer.provideMerge(ChunkMasteringRenderer.layer, decoder), AudioEncoderNodeAv.layer)
await Effect.runPromise(Effect.provide(program, layer))
