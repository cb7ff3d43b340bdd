/** The compiled kernels against the plain ones in test/support/reference/mastering. */
import { describe, it } from "vitest"
import type { RenderSettings } from "../../../src/domain/mastering/MasteringPlan.ts"
import { makeKernels } from "../../../src/dsp/Kernels.ts"
import { makeBalanceEq } from "../../../src/dsp/mastering/BalanceEq.ts"
import { makeLoudnessFollower } from "../../../src/dsp/mastering/LoudnessFollower.ts"
import {
  makeMasteringChain,
  type MasteringChain,
  type MasteringChainOptions
} from "../../../src/dsp/mastering/MasteringChain.ts"
import { makePlanarBlock } from "../../../src/dsp/mastering/PlanarBlock.ts"
import { assert } from "../../support/assert.ts"
import { music } from "../../support/music.ts"
import { makeBalanceEq as makeReferenceEq } from "../../support/reference/mastering/BalanceEq.ts"
import { makeLoudnessFollower as makeReferenceFollower } from "../../support/reference/mastering/LoudnessFollower.ts"
import { makeMasteringChain as makeReferenceChain } from "../../support/reference/mastering/MasteringChain.ts"
import { busy, following, neutralSettings } from "../../support/renderChain.ts"
import { dbToLinear, makeRandom, type Signal, sine, whiteNoise } from "../../support/signals.ts"

const rate = 44_100
const song = music({ sampleRate: rate, seconds: 4, seed: 5, bpm: 118, drumsDb: 2, driveDb: 0, peakDbfs: -1 })
const scaled = (signal: Signal, db: number): Signal => signal.map((channel) => channel.map((x) => x * dbToLinear(db)))

type Make = (options: MasteringChainOptions) => Pick<MasteringChain, "process" | "setSettings">

/** As the chain gives it, latency included; `changes` of settings half way. */
const run = (make: Make, signal: Signal, settings: RenderSettings, next: RenderSettings) => {
  const half = signal[0]!.length >> 1
  const chain = make({ sampleRate: rate, channels: signal.length, settings })
  const output = signal.map((channel) => new Float32Array(channel.length))
  chain.process(signal, 0, output, 0, half)
  chain.setSettings(next, 8000)
  chain.process(signal, half, output, half, signal[0]!.length - half)
  return output
}
const exhaustive: typeof makeMasteringChain = (options) => makeMasteringChain({ ...options, isExhaustive: true })

const largestDifference = (a: Signal, b: Signal): number =>
  a.reduce((largest, channel, c) => channel.reduce((most, x, n) => Math.max(most, Math.abs(x - b[c]![n]!)), largest), 0)

/**
 * Bursts that are as large between samples as samples of their size allow: the signs of an interpolator's taps, of one
 * size within `reach` of the middle and of another beyond; ever larger, 1.5 % a burst.
 */
const worstCases = (fraction: number, reach: number, near: number, far: number): Float32Array<ArrayBuffer> => {
  const out = new Float32Array(120 * 400)
  for (let burst = 0; burst < 120; burst++) {
    for (let k = -15; k <= 16; k++) {
      const t = k - fraction
      const size = Math.abs(t) < reach ? near : far
      out[burst * 400 + 200 + k] = Math.sign(Math.sin(Math.PI * t) / t) * size * 0.2 * 1.015 ** burst
    }
  }
  return out
}

describe("the compiled mastering kernels", () => {
  it("filter as the plain ones do, bit for bit, on any number of channels, while gains move too", () => {
    const random = makeRandom(4)
    for (let channels = 1; channels <= 5; channels++) {
      const kernels = makeKernels()
      const block = makePlanarBlock(kernels, channels, 32)
      const eq = makeBalanceEq(kernels, { sampleRate: rate, channels })
      const reference = makeReferenceEq({ sampleRate: rate, channels })
      for (let n = 0; n < 400; n++) {
        // Steady, then moving in some bands, steady again, to 0 dB in some, and so on.
        const gains = Float64Array.from({ length: 7 }, (_, band) =>
          n % 60 < 20 ? Math.sin(n + band) : band % 3 === Math.floor(n / 60) % 3 ? 0 : band - 3
        )
        eq.setFilterGainsDb(gains)
        reference.setFilterGainsDb(gains)
        const input = block.channels.map((channel) => channel.map(() => random() - 0.5).slice())
        for (const [c, channel] of block.channels.entries()) channel.set(input[c]!)
        eq.process(block)
        reference.process(input)
        assert.deepStrictEqual(
          block.channels.map((channel) => channel.slice()),
          input,
          `block ${n}`
        )
      }
    }
  })

  it("follow loudness as the plain ones do, within 1e-9 dB", () => {
    const kernels = makeKernels()
    const block = makePlanarBlock(kernels, 2, 32)
    const shape = { sampleRate: rate, channels: 2, blockFrames: 32 }
    const follower = makeLoudnessFollower(kernels, shape)
    const reference = makeReferenceFollower(shape)
    for (let at = 0; at + 32 <= song[0]!.length; at += 32) {
      for (const [c, channel] of block.channels.entries()) channel.set(song[c]!.subarray(at, at + 32))
      assert.closeTo(follower.follow(block, -9, 9), reference.follow(block.channels, -9, 9), 1e-9)
    }
  })

  // The limiter's lines and its detector are float32, the plain ones float64: 2^-24 of a sample, and of a gain.
  for (const [name, from, to] of [
    ["everything", busy, { ...busy, gain_db: 9, balance_db: [0, 1, 0, -1, 0, 2, 0] }],
    ["the follower", following, busy],
    ["bypass", { ...neutralSettings, bypass: true }, busy]
  ] as const) {
    it(`render as the plain ones do, within 1e-6 of full scale: ${name}`, () => {
      for (const signal of [song, scaled(song, 6), [song[0]!], [song[0]!, song[1]!, song[0]!]]) {
        const plain = run(makeReferenceChain, signal, from, to)
        assert.isAtMost(largestDifference(run(makeMasteringChain, signal, from, to), plain), 1e-6)
      }
    })
  }

  it("pass over what cannot reach the ceiling without changing a bit", () => {
    const signals: ReadonlyArray<Signal> = [
      scaled(song, 12),
      song,
      scaled(song, -6),
      [whiteNoise(rate, 2, 0, 8)],
      [whiteNoise(rate, 2, -7, 9)],
      [sine(rate, 2, rate / 4, 0, Math.PI / 4)],
      [sine(rate, 2, 0.43 * rate, -1.5)],
      [sine(rate, 1, 997, -0.9).map((x, n) => (n % 500 < 2 ? x : 0))],
      ...[0.25, 0.5, 0.75].flatMap((fraction) => [
        [worstCases(fraction, 16, 1, 0)],
        [worstCases(fraction, 8, 1, 0)],
        ...[0.34, 0.38, 0.42, 0.46].map((near) => [worstCases(fraction, 8, near, 1)]),
        ...[0.4, 0.45, 0.5, 0.55].map((near) => [worstCases(fraction, 4, near, 1)])
      ])
    ]
    for (const [i, signal] of signals.entries()) {
      for (const gainDb of [0, 1.5]) {
        const settings = { ...neutralSettings, gain_db: gainDb }
        const all = run(exhaustive, signal, settings, settings)
        assert.strictEqual(
          largestDifference(run(makeMasteringChain, signal, settings, settings), all),
          0,
          `signal ${i}`
        )
      }
    }
  })
})
