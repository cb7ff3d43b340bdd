import { Either, FastCheck as fc, Schema } from "effect"
import { describe, it } from "vitest"
import { bands, dimensionNames, Fingerprint, Measurements } from "../../src/domain/fingerprint/Fingerprint.ts"
import {
  type AnalysisOutcome,
  makeFingerprintAnalyzer,
  minimumSeconds
} from "../../src/dsp/analysis/FingerprintAnalyzer.ts"
import { assert } from "../support/assert.ts"
import { drums, inBlocks, pinkNoise } from "../support/musicSignals.ts"
import { makeRandom, sampled, type Signal } from "../support/signals.ts"

// The same inputs in every run; a failure prints what repeats it.
const bounded = (numRuns: number) => ({ seed: 20_261_122, numRuns })

const analyse = (sampleRate: number, signal: Signal, splits: Iterable<number>): AnalysisOutcome => {
  const analyzer = makeFingerprintAnalyzer({ sampleRate, channels: signal.length })
  const total = signal[0]!.length
  let at = 0
  for (const split of splits) {
    const length = Math.min(split, total - at)
    analyzer.push(
      signal.map((channel) => channel.subarray(at, at + length)),
      length
    )
    at += length
    if (at === total) break
  }
  if (at < total)
    inBlocks(
      signal.map((channel) => channel.subarray(at)),
      16_384,
      analyzer.push
    )
  return analyzer.finish()
}

const whole = (sampleRate: number, signal: Signal) => analyse(sampleRate, signal, [])

const decodeFingerprint = Schema.decodeUnknownEither(Fingerprint)
const decodeMeasurements = Schema.decodeUnknownEither(Measurements)

const faultOf = (result: Either.Either<unknown, { readonly message: string }>): Array<string> =>
  Either.isLeft(result) ? [result.left.message] : []

/** What no outcome may violate. Empty where all is well. */
const violations = (outcome: AnalysisOutcome, sampleRate: number, signal: Signal): ReadonlyArray<string> => {
  const frames = signal[0]!.length
  switch (outcome.kind) {
    case "measured": {
      const { fingerprint, measurements } = outcome
      const wrong = [...faultOf(decodeFingerprint(fingerprint)), ...faultOf(decodeMeasurements(measurements))]
      const nyquist = sampleRate / 2
      if (fingerprint.spectral_rolloff > nyquist || fingerprint.spectral_centroid > nyquist)
        wrong.push("a frequency beyond Nyquist")
      if (measurements.true_peak_dbtp < measurements.sample_peak_dbfs - 1e-9)
        wrong.push(`true peak ${measurements.true_peak_dbtp} below sample peak ${measurements.sample_peak_dbfs}`)
      if (measurements.duration_seconds !== frames / sampleRate) wrong.push("another duration")
      for (const band of bands)
        if (band.lowHz >= nyquist && fingerprint[band.name] !== 0) wrong.push(`power in ${band.name}`)
      return wrong
    }
    case "too_short":
      return frames / sampleRate < minimumSeconds ? [] : ["called too short"]
    case "silent":
      return []
    case "not_finite": {
      const sample = signal[outcome.channel]?.[outcome.frame] ?? 0
      return Number.isFinite(sample) ? [`frame ${outcome.frame} of channel ${outcome.channel} is finite`] : []
    }
    case "out_of_scale":
      return Number.isFinite(outcome.peakDbfs) ? [] : ["a peak that is no number"]
  }
}

type Waveform = (n: number, channel: number) => number

const waveforms: Record<string, (random: () => number) => Waveform> = {
  noise: (random) => () => 2 * random() - 1,
  sine: (random) => {
    const step = Math.PI * random()
    return (n, channel) => Math.sin(step * n + channel)
  },
  square: (random) => {
    const period = 2 + Math.floor(2000 * random())
    return (n, channel) => ((n + channel) % period < period / 2 ? 1 : -1)
  },
  constant: () => () => 1,
  clicks: (random) => {
    const period = 1 + Math.floor(20_000 * random())
    return (n) => (n % period === 0 ? 1 : 0)
  },
  bursts: (random) => {
    const period = 1 + Math.floor(20_000 * random())
    return (n) => (n % (2 * period) < period ? 2 * random() - 1 : 0)
  },
  "one side only": (random) => (_, channel) => (channel === 0 ? 2 * random() - 1 : 0),
  "opposite sides": (random) => {
    const step = Math.PI * random()
    return (n, channel) => (channel % 2 === 0 ? 1 : -1) * Math.sin(step * n)
  }
}

/** Rates that files have, and any between the bounds of the analyzer. */
const sampleRates = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(8000, 11_025, 16_000, 22_050, 44_100, 48_000) },
  { weight: 3, arbitrary: fc.integer({ min: 8000, max: 50_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(88_200, 96_000, 192_000, 384_000) },
  { weight: 1, arbitrary: fc.integer({ min: 50_000, max: 384_000 }) }
)

/** A signal in numbers: what a counterexample prints. */
interface Recipe {
  readonly sampleRate: number
  readonly channels: number
  readonly waveform: string
  readonly seed: number
  /** The level is ten to this power. */
  readonly exponent: number
  readonly frames: number
  /** Shorter than what is measured. */
  readonly isShort: boolean
}

const recipes: fc.Arbitrary<Recipe> = fc.record({
  sampleRate: sampleRates,
  channels: fc.integer({ min: 1, max: 8 }),
  waveform: fc.constantFrom(...Object.keys(waveforms)),
  seed: fc.integer({ min: 0, max: 0xffffffff }),
  // 1e-40 is a denormal in float32; 1e6 is beyond what any format means.
  exponent: fc.oneof(fc.constantFrom(-40, -38, -5, -3, 0, 1, 6), fc.double({ min: -40, max: 6, noNaN: true })),
  frames: fc.integer({ min: 1, max: 10_000 }),
  isShort: fc.integer({ min: 0, max: 7 }).map((n) => n === 0)
})

/** Little longer than what is measured, so that many fit into a run. */
const signalOf = ({ channels, exponent, frames, isShort, sampleRate, seed, waveform }: Recipe): Signal => {
  const sample = waveforms[waveform]!(makeRandom(seed))
  const level = 10 ** exponent
  const least = Math.ceil(minimumSeconds * sampleRate)
  const length = isShort ? Math.min(frames, least - 1) : least + frames
  return Array.from({ length: channels }, (_, channel) => sampled(length, (n) => level * sample(n, channel)))
}

describe("the bits of a fingerprint", () => {
  it("are the same for any split of the input", () => {
    const rate = 22_050
    const seconds = 2.13
    const music: Signal = [drums(rate, seconds, "rock", 126, 1, 0.1), pinkNoise(rate, seconds, 0.3, 2)]
    const expected = whole(rate, music)
    assert.strictEqual(expected.kind, "measured")
    const sizes = fc.oneof(
      fc.integer({ min: 1, max: 64 }),
      fc.integer({ min: 1, max: 50_000 }),
      fc.constantFrom(0, 1, 31, 32, 33, 441, 1024, 2204, 2205, 2206)
    )
    fc.assert(
      fc.property(fc.array(sizes, { minLength: 1, maxLength: 60 }), (splits) => {
        assert.deepStrictEqual(analyse(rate, music, splits), expected)
      }),
      bounded(25)
    )
  })

  it("are the same for any split at any rate and channel count", () => {
    fc.assert(
      fc.property(recipes, fc.array(fc.integer({ min: 1, max: 9000 }), { maxLength: 30 }), (recipe, splits) => {
        const signal = signalOf(recipe)
        assert.deepStrictEqual(analyse(recipe.sampleRate, signal, splits), whole(recipe.sampleRate, signal))
      }),
      bounded(12)
    )
  })

  it("do not depend on what was analysed before, in the same process", () => {
    const rate = 16_000
    const quiet: Signal = [pinkNoise(rate, 1, 0.01, 3)]
    const before = whole(rate, quiet)
    whole(rate, [new Float32Array(rate).fill(3e38)])
    whole(rate, [new Float32Array(rate).fill(Number.NaN)])
    assert.deepStrictEqual(whole(rate, quiet), before)
  })
})

describe("any signal", () => {
  it("gives a valid fingerprint or a typed outcome: any rate, channels and level", () => {
    const kinds = new Set<string>()
    fc.assert(
      fc.property(recipes, (recipe) => {
        const signal = signalOf(recipe)
        const outcome = whole(recipe.sampleRate, signal)
        kinds.add(outcome.kind)
        assert.strictEqual(violations(outcome, recipe.sampleRate, signal).join("; "), "")
      }),
      bounded(60)
    )
    // A generator that no longer reaches these proves nothing.
    assert.deepStrictEqual([...kinds].sort(), ["measured", "out_of_scale", "silent", "too_short"])
  })

  it("with a sample that is not finite, anywhere, is refused at the first one", () => {
    const faulty = fc.record({
      recipe: recipes,
      value: fc.constantFrom(Number.NaN, Infinity, -Infinity),
      place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      channel: fc.nat()
    })
    fc.assert(
      fc.property(faulty, ({ channel, place, recipe, value }) => {
        const signal = signalOf(recipe)
        const frame = Math.floor(place * signal[0]!.length)
        signal[channel % signal.length]![frame] = value
        assert.deepStrictEqual(whole(recipe.sampleRate, signal), {
          kind: "not_finite",
          frame,
          channel: channel % signal.length
        })
      }),
      bounded(20)
    )
  })

  it("loses nothing but level when it is turned down: the dimensions that know no level stay", () => {
    const rate = 22_050
    const music: Signal = [drums(rate, 4, "house", 120, 1), pinkNoise(rate, 4, 0.2, 2)]
    const loud = whole(rate, music)
    const halved = whole(
      rate,
      music.map((channel) => channel.map((x) => x / 2))
    )
    if (loud.kind !== "measured" || halved.kind !== "measured") throw new Error("no measurement")
    // Silence, onsets and what follows from them have thresholds in dBFS; a power of two is exact in floats.
    const level = new Set([
      "lufs",
      "silence_ratio",
      "transient_density",
      "tempo",
      "rhythm_stability",
      "spectral_flatness"
    ])
    for (const name of dimensionNames)
      if (!level.has(name)) assert.closeTo(halved.fingerprint[name], loud.fingerprint[name], 5e-7, name)
    assert.closeTo(loud.fingerprint.lufs - halved.fingerprint.lufs, 20 * Math.log10(2), 5e-7)
  })
})

describe("edge cases", () => {
  const filled = (value: number) => (frames: number) => new Float32Array(frames).fill(value)
  const cases: Record<string, (frames: number) => Float32Array<ArrayBuffer>> = {
    silence: filled(0),
    "negative zero": filled(-0),
    "a constant": filled(0.5),
    "full scale": filled(1),
    "negative full scale": filled(-1),
    "the smallest denormal": filled(1.4e-45),
    "the largest denormal": filled(1.1754942e-38),
    "the smallest normal": filled(1.1754944e-38),
    "the largest float": filled(3.4028234e38),
    "alternating largest floats": (frames) =>
      Float32Array.from({ length: frames }, (_, n) => (n % 2 === 0 ? 3.4e38 : -3.4e38)),
    "one sample in silence": (frames) => {
      const samples = new Float32Array(frames)
      if (frames > 0) samples[frames >> 1] = 1
      return samples
    },
    "one last sample": (frames) => {
      const samples = new Float32Array(frames)
      if (frames > 0) samples[frames - 1] = 1
      return samples
    },
    "just above the gate": (frames) => Float32Array.from({ length: frames }, (_, n) => 4e-4 * Math.sin(n / 5))
  }
  const places = [
    { sampleRate: 8000, channels: 1 },
    { sampleRate: 44_100, channels: 2 },
    { sampleRate: 384_000, channels: 2 },
    { sampleRate: 48_000, channels: 8 }
  ]
  it.each(places)(
    "never give an invalid value, at $sampleRate Hz in $channels channels",
    ({ channels, sampleRate }) => {
      const least = Math.ceil(minimumSeconds * sampleRate)
      for (const frames of [0, 1, least - 1, least]) {
        for (const [name, samples] of Object.entries(cases)) {
          const signal = Array.from({ length: channels }, () => samples(frames))
          const outcome = whole(sampleRate, signal)
          assert.strictEqual(violations(outcome, sampleRate, signal).join("; "), "", `${name}, ${frames} frames`)
          if (frames < least) assert.strictEqual(outcome.kind, "too_short", `${name}, ${frames} frames`)
          else if (name === "silence" || name.includes("denormal")) assert.strictEqual(outcome.kind, "silent", name)
        }
      }
    }
  )
})
