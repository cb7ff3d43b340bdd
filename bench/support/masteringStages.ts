/**
 * `node masteringStages.ts IN`: CPU seconds that each kernel of the mastering chain needs for a file, as JSON. Each is the
 * difference between a run with it and one without it, on samples that are in memory already.
 */
import { Effect, Stream } from "effect"
import { makeKernels } from "../../src/dsp/Kernels.ts"
import { designBalance, makeBalanceEq } from "../../src/dsp/mastering/BalanceEq.ts"
import { makeCompressor } from "../../src/dsp/mastering/Compressor.ts"
import { makeLookAheadLimiter } from "../../src/dsp/mastering/LookAheadLimiter.ts"
import { gridFrames, makeMasteringChain } from "../../src/dsp/mastering/MasteringChain.ts"
import { makePlanarBlock } from "../../src/dsp/mastering/PlanarBlock.ts"
import { makeStereoWidth } from "../../src/dsp/mastering/StereoWidth.ts"
import { makeTransientExpander } from "../../src/dsp/mastering/TransientExpander.ts"
import * as AudioDecoderNodeAv from "../../src/layers/audio/AudioDecoderNodeAv.ts"
import { AudioDecoder } from "../../src/services/AudioDecoder.ts"
import { settingsOf } from "./masteringPlans.ts"
import { median } from "./measure.ts"

const rounds = 5
const sampleRate = 44_100
const blockFrames = gridFrames(sampleRate)
/** Carried into the kernels' memory at a time. */
const runFrames = 256 * blockFrames
const settings = settingsOf("chain")

const read = Effect.flatMap(AudioDecoder, (decoder) =>
  Stream.runCollect(decoder.decode(process.argv[2] ?? "", { blockFrames: runFrames }))
)
const decoded = await Effect.runPromise(Effect.provide(read, AudioDecoderNodeAv.layer))
const runs = Array.from(decoded).filter(({ length }) => length === runFrames)

/** The first `count` stages, as `renderBlocks` calls them. */
const makeStages = (count: number) => {
  const kernels = makeKernels()
  const { functions } = kernels
  const shape = { sampleRate, channels: 2, blockFrames }
  const { address } = makePlanarBlock(kernels, 2, blockFrames)
  const input = [0, 1].map(() => kernels.float32(runFrames))
  const inputAt = input[0]!.byteOffset
  const inputStride = input[1]!.byteOffset - inputAt
  const outAt = kernels.float32(2 * blockFrames).byteOffset
  const equaliser = makeBalanceEq(kernels, shape)
  equaliser.setFilterGainsDb(designBalance(sampleRate).filterGainsDb(settings.balance_db))
  const expander = makeTransientExpander(kernels, shape)
  const compressor = makeCompressor(kernels, shape)
  compressor.set(settings.compressor!.threshold_dbfs, 1 - 1 / settings.compressor!.ratio)
  const width = makeStereoWidth(kernels, sampleRate)
  width.startAt(10 ** (settings.side_gain_db / 20))
  const gain = kernels.float64(3)
  gain.set([settings.gain_db, settings.gain_db, 10 ** (settings.gain_db / 20)])
  const gainAt = gain.byteOffset
  const lines = makeLookAheadLimiter(kernels, shape)
  const limiter = makeLookAheadLimiter(kernels, shape)
  limiter.setCeilingDbtp(settings.ceiling_dbtp!)
  const { coefficientsAt, orderAt, stateAt } = equaliser
  const sections = equaliser.sectionCount()
  return () => {
    for (const { channels } of runs) {
      for (const [c, samples] of channels.entries()) input[c]!.set(samples)
      for (let at = 0; at < runFrames; at += blockFrames) {
        functions.widen(inputAt + 4 * at, inputStride, address, 2, blockFrames)
        if (count > 1) functions.biquads(address, 2, blockFrames, coefficientsAt, orderAt, sections, stateAt)
        if (count > 2) functions.expand(address, 2, blockFrames, expander.address)
        if (count > 3) functions.compress(address, 2, blockFrames, compressor.address)
        if (count > 4) functions.widenSide(address, blockFrames, width.address)
        if (count > 5) functions.applyGain(address, 2, blockFrames, gainAt)
        if (count > 6) {
          const used = count > 7 ? limiter : lines
          functions.limit(address, 2, blockFrames, used.address, outAt, 4 * blockFrames)
        }
      }
    }
  }
}

const names = [
  "into the kernels' memory and to float64",
  "balance: 7 biquads",
  "expander, at rest: one block of delay, one detector",
  "compressor",
  "stereo width",
  "gain",
  "limiter: delay lines, float32",
  "limiter: true-peak detector and gain"
]

const cpuSeconds = (work: () => void): number => {
  const before = process.cpuUsage()
  work()
  const { system, user } = process.cpuUsage(before)
  return (user + system) / 1e6
}

const whole = () => {
  const chain = makeMasteringChain({ sampleRate, channels: 2, settings })
  const output = [0, 1].map(() => new Float32Array(runFrames))
  return () => {
    for (const { channels } of runs) chain.process(channels, 0, output, 0, runFrames)
  }
}

const works = [...names.map((_, index) => makeStages(index + 1)), whole()]
const times = works.map((): Array<number> => [])
// The first round warms up.
for (let round = 0; round <= rounds; round++) {
  for (const [i, work] of works.entries()) {
    const seconds = cpuSeconds(work)
    if (round > 0) times[i]!.push(seconds)
  }
}
const medians = times.map(median)
const stages = names.map((name, index) => ({ name, seconds: medians[index]! - (medians[index - 1] ?? 0) }))
console.log(JSON.stringify({ stages, whole: medians.at(-1) }))
