import { Either, Schema } from "effect"
import { describe, it } from "vitest"
import { Fingerprint, Measurements } from "../../../src/domain/fingerprint/Fingerprint.ts"
import { type AnalysisOutcome, makeFingerprintAnalyzer } from "../../../src/dsp/analysis/FingerprintAnalyzer.ts"
import { assert } from "../../support/assert.ts"
import { chord, drums, inBlocks, inSequence, pinkNoise } from "../../support/musicSignals.ts"
import { onAll, sampled, type Signal, silence, sine, whiteNoise } from "../../support/signals.ts"

const analyse = (sampleRate: number, signal: Signal, block = 4096): AnalysisOutcome => {
  const analyzer = makeFingerprintAnalyzer({ sampleRate, channels: signal.length })
  inBlocks(signal, block, analyzer.push)
  return analyzer.finish()
}

const measured = (sampleRate: number, signal: Signal) => {
  const outcome = analyse(sampleRate, signal)
  if (outcome.kind !== "measured") throw new Error(`expected a fingerprint, got ${outcome.kind}`)
  return outcome
}

describe("FingerprintAnalyzer", () => {
  it.each([
    [22_050, 1.23],
    [44_100, 2.345]
  ])("gives the same bits however the samples are split, at %i Hz", (rate, seconds) => {
    const signal = [drums(rate, seconds, "rock", 120), pinkNoise(rate, seconds, 0.3, 4)]
    const whole = JSON.stringify(analyse(rate, signal, signal[0]!.length))
    for (const block of [1, 333, 4096]) assert.strictEqual(JSON.stringify(analyse(rate, signal, block)), whole)
  })

  it("gives the same bits whatever was analysed before, and while another analysis runs", () => {
    const rate = 22_050
    const signal = [drums(rate, 1.5, "rock", 120), pinkNoise(rate, 1.5, 0.3, 4)]
    const first = JSON.stringify(analyse(rate, signal))
    analyse(96_000, onAll(6, whiteNoise(96_000, 1, -3, 5)))
    assert.strictEqual(JSON.stringify(analyse(rate, signal)), first)
    const other = makeFingerprintAnalyzer({ sampleRate: rate, channels: 2 })
    other.push(onAll(2, whiteNoise(rate, 1, -3, 6)), rate)
    assert.strictEqual(JSON.stringify(analyse(rate, signal)), first)
    other.finish()
    assert.strictEqual(JSON.stringify(analyse(rate, signal)), first)
  })

  it("keeps nothing of the arrays it is given", () => {
    const rate = 8000
    const noise = whiteNoise(rate, 1, -6, 1)
    const analyzer = makeFingerprintAnalyzer({ sampleRate: rate, channels: 1 })
    inBlocks([noise], 1000, ([samples], length) => {
      const lent = samples!.slice()
      analyzer.push([lent], length)
      lent.fill(0.9)
    })
    assert.deepStrictEqual(analyzer.finish(), analyse(rate, [noise]))
  })

  it("tells a hard-panned bass from its mono fold: left and right keep their places", () => {
    const rate = 44_100
    const bass = sine(rate, 3, 150, -12)
    const treble = sine(rate, 3, 5000, -12)
    const { fingerprint, measurements } = measured(rate, [bass, treble])
    assert.closeTo(fingerprint.bass_pct, 50, 0.5)
    assert.closeTo(fingerprint.presence_pct, 50, 0.5)
    assert.closeTo(fingerprint.stereo_width, 0.5, 0.0005)
    assert.isBelow(Math.abs(fingerprint.phase_correlation), 0.01)
    assert.hasFields(measurements, { sample_rate: rate, channels: 2, clipped_samples: 0 })
    assert.strictEqual(measurements.duration_seconds, 3)
  })

  it("calls mono mono, and gives a stereo file of two equal channels the same shape", () => {
    const tone = chord(22_050, 2, [220, 330, 440], 0.2)
    const mono = measured(22_050, [tone]).fingerprint
    const stereo = measured(22_050, onAll(2, tone)).fingerprint
    assert.hasFields(mono, { stereo_width: 0, phase_correlation: 1 })
    const { lufs: monoLufs, ...monoRest } = mono
    const { lufs: stereoLufs, ...stereoRest } = stereo
    assert.closeTo(stereoLufs - monoLufs, 3.0103, 0.0005)
    for (const [name, value] of Object.entries(monoRest)) {
      assert.closeTo(stereoRest[name as keyof typeof stereoRest], value, 5e-7, name)
    }
  })

  it("measures 5.1, with loudness by its own weights and the rest on the downmix", () => {
    const rate = 22_050
    const quiet = silence(rate, 2)
    const centre = sine(rate, 2, 1000, -20)
    const { fingerprint, measurements } = measured(rate, [quiet, quiet, centre, quiet, quiet, quiet])
    assert.strictEqual(measurements.channels, 6)
    assert.strictEqual(fingerprint.stereo_width, 0)
    assert.isBelow(Math.abs(fingerprint.lufs + 23.01), 0.1)
  })

  it("describes different sounds differently, in every dimension", () => {
    const rate = 22_050
    const a = measured(rate, [drums(rate, 6, "house", 120), drums(rate, 6, "rock", 120)]).fingerprint
    const b = measured(
      rate,
      onAll(2, inSequence(sine(rate, 3, 220, -12), silence(rate, 1), chord(rate, 3, [110, 165], 0.05)))
    ).fingerprint
    for (const name of Object.keys(a) as ReadonlyArray<keyof Fingerprint>) assert.notStrictEqual(a[name], b[name], name)
  })

  it("refuses what is shorter than half a second, and measures what is as long", () => {
    assert.deepStrictEqual(analyse(44_100, [new Float32Array(0)]), { kind: "too_short", seconds: 0 })
    assert.deepStrictEqual(analyse(8000, [sine(8000, 0.499, 440, -6)]), { kind: "too_short", seconds: 0.499 })
    assert.strictEqual(analyse(8000, [sine(8000, 0.5, 440, -6)]).kind, "measured")
  })

  it("says silent for nothing above -70 LUFS", () => {
    assert.strictEqual(analyse(8000, [silence(8000, 2)]).kind, "silent")
    assert.strictEqual(analyse(8000, [sine(8000, 2, 440, -75)]).kind, "silent")
    assert.strictEqual(analyse(8000, [new Float32Array(8000).fill(1e-40)]).kind, "silent")
  })

  it("names the first sample that is not finite", () => {
    const left = sine(8000, 1, 440, -6)
    const right = sine(8000, 1, 440, -6)
    left[5000] = Number.NaN
    right[4321] = -Infinity
    right[5000] = Number.NaN
    for (const block of [1, 800, 8000]) {
      assert.deepStrictEqual(analyse(8000, [left, right], block), { kind: "not_finite", frame: 4321, channel: 1 })
    }
  })

  it("refuses integers taken for floats", () => {
    assert.strictEqual(analyse(8000, [sine(8000, 1, 440, 80)]).kind, "out_of_scale")
    assert.strictEqual(analyse(8000, [new Float32Array(8000).fill(3e38)]).kind, "out_of_scale")
  })

  const rates = [8000, 11_025, 12_345, 16_000, 48_000, 96_000, 192_000, 384_000]
  const extremes: Record<string, (n: number) => number> = {
    "a constant": () => 1,
    "a full-scale square wave": (n) => (n % 100 < 50 ? 1 : -1),
    "half the rate": (n) => (n % 2 === 0 ? 1 : -1),
    "one sample at the start": (n) => (n === 0 ? 1 : 0),
    "a faint low tone": (n) => 1e-3 * Math.sin(n / 10),
    "a step": (n) => (n < 2000 ? 0 : 0.5),
    "a loud tone at an odd angle": (n) => 5 * Math.sin(n)
  }
  it.each(rates)("never gives an invalid fingerprint, at %i Hz", (rate) => {
    for (const [name, sample] of Object.entries(extremes)) {
      for (const channels of [1, 2]) {
        const samples = sampled(Math.ceil(0.51 * rate), sample)
        const outcome = analyse(rate, channels === 1 ? [samples] : [samples, samples.map((v) => -v)])
        if (outcome.kind !== "measured") continue
        assert.isTrue(Either.isRight(decodeFingerprint(outcome.fingerprint)), `${name}, ${channels}`)
        assert.isTrue(Either.isRight(decodeMeasurements(outcome.measurements)), `${name}, ${channels}`)
      }
    }
  })
})

const decodeFingerprint = Schema.decodeUnknownEither(Fingerprint)
const decodeMeasurements = Schema.decodeUnknownEither(Measurements)
