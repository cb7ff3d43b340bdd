import { describe, it } from "vitest"
import { makeTruePeakMeter } from "../../../src/dsp/analysis/TruePeakMeter.ts"
import { makeKernels } from "../../../src/dsp/Kernels.ts"
import { assert } from "../../support/assert.ts"
import { inBlocks, inSequence } from "../../support/musicSignals.ts"
import { truePeak } from "../../support/reference/TruePeakMeter.ts"
import { dbToLinear, makeRandom, type Signal, silence, sine, whiteNoise } from "../../support/signals.ts"

const linearPeak = (sampleRate: number, signal: Signal, block = 4800, skips = true): number => {
  const meter = makeTruePeakMeter(makeKernels(), sampleRate, signal.length, block, skips)
  inBlocks(signal, block, meter.process)
  return meter.result()
}

const measure = (sampleRate: number, signal: Signal, block = 4800): number =>
  20 * Math.log10(linearPeak(sampleRate, signal, block))

const degrees = Math.PI / 180

/** A tone that fades in and out over 10 ms: the step of a hard start has true peaks of its own. */
const faded = (rate: number, frequencyHz: number, levelDbfs: number, phase: number) => {
  const tone = sine(rate, 0.5, frequencyHz, levelDbfs, phase)
  const ramp = rate / 100
  return tone.map((v, n) => v * Math.min(1, n / ramp, (tone.length - 1 - n) / ramp))
}

// The standard gives its tones as parts of a rate of 48 kHz. At multiples of it they stay the same tones.
const ebuRates = [
  [44_100, 44_100],
  [48_000, 48_000],
  [88_200, 44_100],
  [96_000, 48_000],
  [192_000, 48_000]
] as const

const expectWithinEbuTolerance = (error: number) => {
  assert.isBelow(error, 0.2)
  assert.isAbove(error, -0.4)
}

describe.each(ebuRates)("EBU Tech 3341 at %i Hz", (rate, base) => {
  it.each([
    ["15", 4, 0, 0.5, -6],
    ["16", 4, 45, 0.5, -6],
    ["17", 6, 60, 0.5, -6],
    ["18", 8, 67.5, 0.5, -6],
    ["19", 4, 45, Math.SQRT2, 3]
  ])("reads the tone of case %s", (_, divisor, phase, amplitude, expected) => {
    const tone = faded(rate, base / divisor, 20 * Math.log10(amplitude), phase * degrees)
    expectWithinEbuTolerance(measure(rate, [tone, silence(rate, 0.5)]) - expected)
  })

  // Cases 20 to 23 are one signal of four times the rate with a single highest peak, taken at every fourth sample from
  // four offsets on. Here: a burst of a sixth of the rate whose peak lies as many quarters of a sample late.
  it.each([
    ["20", 0],
    ["21", 1],
    ["22", 2],
    ["23", 3]
  ])("reads a single peak of 0 dBTP, as in case %s", (_, quarters) => {
    const burst = Float32Array.from({ length: Math.round(0.02 * rate) }, (_, n) => {
      const samples = (n * base) / rate - 0.01 * base - quarters / 4
      return Math.exp(-0.5 * (samples / 24) ** 2) * Math.cos((2 * Math.PI * samples) / 6)
    })
    expectWithinEbuTolerance(measure(rate, [burst, silence(rate, 0.02)]))
  })
})

const random = makeRandom(5)
const limited = (length: number) =>
  // Loud and dense, with a peak level held for long: where the bounds have to decide most closely.
  Float32Array.from({ length }, (_, n) => Math.tanh(3 * (Math.sin(n / 17) + Math.sin(n / 5.3) + random() - 0.5)))

const signals: Record<string, Float32Array<ArrayBuffer>> = {
  "white noise": whiteNoise(44_100, 0.3, -1, 1),
  "faint white noise": whiteNoise(44_100, 0.1, -130, 2),
  "noise far beyond full scale": whiteNoise(44_100, 0.1, 60, 3),
  "a limited mix": limited(20_011),
  "a tone near Nyquist": sine(44_100, 0.2, 19_800, -0.3, 1),
  "a quarter of the rate": sine(44_100, 0.1, 11_025, 0, Math.PI / 4),
  "a square wave": Float32Array.from({ length: 3001 }, (_, n) => (n % 37 < 18 ? 0.9 : -0.9)),
  "alternating samples": Float32Array.from({ length: 501 }, (_, n) => (n % 2 === 0 ? 1 : -1)),
  "an impulse": Float32Array.from({ length: 301 }, (_, n) => (n === 150 ? -1 : 0)),
  "three samples": Float32Array.of(0.5, 0.9, 0.7),
  "a rising swell": Float32Array.from({ length: 9001 }, (_, n) => (n / 9001) * Math.sin(n / 3.1)),
  silence: silence(44_100, 0.05)
}

describe.each(Object.keys(signals))("for %s the compiled meter", (name) => {
  const signal = signals[name]!

  it.each([44_100, 96_000, 192_000])("equals the reference at %i Hz, which computes every point", (rate) => {
    const expected = truePeak(signal, rate)
    assert.closeTo(linearPeak(rate, [signal]), expected, 2e-6 * expected)
  })

  it.each([44_100, 96_000, 192_000])("gives exactly what it gives at %i Hz without skipping any point", (rate) => {
    for (const block of [441, 4410]) {
      assert.strictEqual(linearPeak(rate, [signal], block), linearPeak(rate, [signal], block, false))
    }
  })
})

it("skipping changes nothing for pieces of noise and music of any level, length and order", () => {
  for (let round = 0; round < 60; round++) {
    const pieces = Array.from({ length: 1 + Math.floor(4 * random()) }, () => {
      const level = 10 ** (-3 * random() ** 2)
      const length = 1 + Math.floor(600 * random())
      const period = 2 + 40 * random()
      const noisiness = random()
      return Float32Array.from(
        { length },
        (_, n) => level * ((1 - noisiness) * Math.sin((2 * Math.PI * n) / period) + noisiness * (2 * random() - 1))
      )
    })
    const signal = [inSequence(...pieces), inSequence(...pieces.toReversed())]
    const rate = random() < 0.8 ? 48_000 : 96_000
    assert.strictEqual(linearPeak(rate, signal, 480), linearPeak(rate, signal, 480, false))
  }
})

describe("true peak", () => {
  it("equals a plain interpolation of every point: what is skipped could not have been the peak", () => {
    const noise = whiteNoise(44_100, 0.2, -3, 7)
    // The same filter where nothing can be skipped: each short piece alone, between zeros, sees only its own peak.
    const kernels = makeKernels()
    let largest = 0
    const around = 64
    for (let at = 0; at < noise.length - around; at += 8) {
      const piece = noise.slice(Math.max(0, at - around), at + 8 + around)
      const meter = makeTruePeakMeter(kernels, 44_100, 1, piece.length)
      const quiet = piece.map((v, i) => (i < 24 || i >= piece.length - 24 ? 0 : v))
      meter.process([quiet], quiet.length)
      largest = Math.max(largest, meter.result())
    }
    const whole = 10 ** (measure(44_100, [noise]) / 20)
    assert.isAbove(whole, dbToLinear(-3))
    assert.isAtMost(whole, largest + 1e-12)
  })

  it("does not depend on the split", () => {
    const noise = whiteNoise(44_100, 0.3, -1, 3)
    assert.strictEqual(new Set([33, 441, 4410, noise.length].map((block) => measure(44_100, [noise], block))).size, 1)
  })

  it("finds a peak between the last samples of the track", () => {
    const tone = inSequence(silence(48_000, 0.1), Float32Array.of(0.7, 0.7))
    assert.isAbove(measure(48_000, [tone]), 20 * Math.log10(0.75))
  })

  it("reads a quarter-rate tone between its samples at 96 kHz, and the samples themselves at 192 kHz", () => {
    assert.isBelow(Math.abs(measure(96_000, [faded(96_000, 24_000, 0, 45 * degrees)], 9600)), 0.05)
    assert.closeTo(measure(192_000, [faded(192_000, 48_000, 0, 45 * degrees)], 19_200), -3.0103, 0.0005)
  })
})
