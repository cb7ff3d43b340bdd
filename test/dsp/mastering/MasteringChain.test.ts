import { describe, it } from "vitest"
import { fallbackPlan } from "../../../src/domain/mastering/FallbackPlan.ts"
import { decide } from "../../../src/domain/mastering/MasteringDecision.ts"
import type { RenderSettings } from "../../../src/domain/mastering/MasteringPlan.ts"
import { makeFingerprintAnalyzer } from "../../../src/dsp/analysis/FingerprintAnalyzer.ts"
import { assert } from "../../support/assert.ts"
import { isFfmpegPresent, readWithFfmpeg } from "../../support/ffmpegMeter.ts"
import { trackWith } from "../../support/loudTrack.ts"
import { integratedLufs } from "../../support/loudness.ts"
import { crestDb, music, type MusicOptions } from "../../support/music.ts"
import { assertAllocatesNothing } from "../../support/heapOfChain.ts"
import { busy, following, neutralSettings, renderChain } from "../../support/renderChain.ts"
import { truePeakDbtp } from "../../support/truePeak.ts"
import { dbToLinear, makeRandom, type Signal, silence, sine, whiteNoise } from "../../support/signals.ts"

const rate = 44_100
const piece = (options: Partial<MusicOptions>): Signal =>
  music({ sampleRate: rate, seconds: 9, seed: 1, bpm: 120, drumsDb: 0, driveDb: 0, peakDbfs: -3, ...options })
const short = piece({ seconds: 2.5, seed: 9, peakDbfs: -0.3 })

const bypass: RenderSettings = { ...neutralSettings, bypass: true, ceiling_dbtp: null }

const measure = (signal: Signal, sampleRate = rate) => {
  const analyzer = makeFingerprintAnalyzer({ sampleRate, channels: signal.length })
  analyzer.push(signal, signal[0]!.length)
  const outcome = analyzer.finish()
  if (outcome.kind !== "measured") throw new Error(outcome.kind)
  return outcome
}

/** Largest step of the third difference: a click is broad-band, the tone it rides on is not. */
const roughness = (samples: Float32Array, from: number, to: number): number => {
  let largest = 0
  for (let n = from + 3; n < to; n++) {
    const third = samples[n]! - 3 * samples[n - 1]! + 3 * samples[n - 2]! - samples[n - 3]!
    largest = Math.max(largest, Math.abs(third))
  }
  return largest
}

describe("MasteringChain", () => {
  for (const [name, settings] of Object.entries({ busy, following, bypass })) {
    it(`renders the same bytes however the input is split, ${name}`, () => {
      const changes = [
        { at: 30_011, settings: { ...busy, gain_db: -2, compressor: null }, glideFrames: 20_000 },
        { at: 70_000, settings: bypass, glideFrames: 10_000 },
        { at: 90_001, settings: busy, glideFrames: 5000 }
      ]
      const whole = renderChain(short, rate, settings, { blockFrames: 1 << 20, changes })
      for (const blockFrames of [1, 333, 4096, 44_100]) {
        assert.deepStrictEqual(renderChain(short, rate, settings, { blockFrames, changes }), whole)
      }
    })
  }

  it("delays by its latency, exactly", () => {
    for (const sampleRate of [8000, 44_100, 96_000, 384_000]) {
      const input = [whiteNoise(sampleRate, 0.2, -20, 3)]
      assert.deepStrictEqual(renderChain(input, sampleRate, neutralSettings), input)
      assert.deepStrictEqual(renderChain(input, sampleRate, bypass), input)
    }
  })

  it("renders 1 to 8 channels, each from its own input", () => {
    for (let channels = 1; channels <= 8; channels++) {
      const input = Array.from({ length: channels }, (_, c) => sine(rate, 0.3, 300 + 100 * c, -20 - c))
      const output = renderChain(input, rate, { ...neutralSettings, gain_db: 6 })
      for (const [c, channel] of output.entries()) {
        for (let n = 0; n < channel.length; n += 501) assert.closeTo(channel[n]!, input[c]![n]! * dbToLinear(6), 1e-6)
      }
    }
  })

  it("keeps digital silence, and falls back to it", () => {
    for (const settings of [busy, following]) {
      const input = [0, 1].map((c) => {
        const channel = silence(rate, 4)
        channel.set(sine(rate, 0.5, 200 + 100 * c, -6), rate)
        return channel
      })
      for (const channel of renderChain(input, rate, settings)) {
        assert.isTrue(channel.subarray(0, rate - 1).every((x) => x === 0))
        assert.isTrue(channel.subarray(3 * rate).every((x) => Math.abs(x) < 1e-9))
      }
    }
  })

  it("keeps mono in two channels mono, to the last bit", () => {
    const [left, right] = renderChain([short[0]!, short[0]!.slice()], rate, busy)
    assert.deepStrictEqual(left, right)
  })

  it("stays finite on anything finite", () => {
    const wild = whiteNoise(rate, 1, 0, 4).map((x, n) => (n % 5000 === 0 ? 3e38 : n % 3000 === 0 ? 1e-42 : x))
    for (const channel of renderChain([wild, wild.toReversed()], rate, busy)) {
      assert.isTrue(channel.every((x) => Math.abs(x) <= 1))
    }
  })

  it("glides without a click between any two plans, bypass included", () => {
    const tone = [sine(rate, 3, 220, -8), sine(rate, 3, 220, -8, 1)]
    const steady = roughness(renderChain(tone, rate, { ...neutralSettings, gain_db: 5 })[0]!, 5000, rate)
    for (const [from, to] of [
      [neutralSettings, busy],
      [busy, following],
      [following, { ...neutralSettings, gain_db: -6 }],
      [bypass, busy],
      [busy, bypass]
    ] as const) {
      // The shortest glide that there is, 20 ms, may be heard as a swell; a jump of 1 dB would read 0.05 here.
      for (const [glideFrames, limit] of [
        [0, 1e-3],
        [2 * rate, 2 * steady]
      ] as const) {
        const changes = [{ at: rate / 2, settings: to, glideFrames }]
        const output = renderChain(tone, rate, from, { changes })
        assert.isBelow(roughness(output[0]!, 5000, 3 * rate), limit, `glide of ${glideFrames}`)
      }
    }
  })

  it("arrives at exactly the settings it glides to", () => {
    const input = piece({ seconds: 4, seed: 2 })
    const changes = [{ at: 20_000, settings: busy, glideFrames: 20_000 }]
    const glided = renderChain(input, rate, bypass, { changes })
    const direct = renderChain(input, rate, busy)
    for (let n = 2.5 * rate; n < 4 * rate; n += 11) assert.closeTo(glided[0]![n]!, direct[0]![n]!, 1e-4)
    const back = renderChain(input, rate, busy, { changes: [{ at: 20_000, settings: bypass, glideFrames: 20_000 }] })
    assert.deepStrictEqual(back[0]!.slice(rate), input[0]!.slice(rate))
  })

  it("glides from the follower's gain, not from 0 dB", () => {
    const quiet = [sine(rate, 12, 997, -30)]
    const changes = [{ at: 8 * rate, settings: { ...neutralSettings, gain_db: 6 }, glideFrames: 2 * rate }]
    const [output] = renderChain(quiet, rate, { ...following, follow_lufs: -20 }, { changes })
    const levelAt = (seconds: number) =>
      20 * Math.log10(Math.max(...output!.subarray(seconds * rate, seconds * rate + 500)) / dbToLinear(-30))
    const followed = levelAt(7.9)
    assert.isAbove(followed, 3)
    assert.closeTo(levelAt(8.05), followed, 0.2)
    assert.closeTo(levelAt(9), (followed + 6) / 2, 0.2)
    assert.closeTo(levelAt(10.5), 6, 0.01)
  })

  // What each sample needs, each minute needs: ten of them are in MasteringChain.heavy.ts.
  it("allocates nothing per sample: a minute needs less than 0.3 MB", async () => {
    await Promise.all([busy, following].map((settings) => assertAllocatesNothing(settings, 1)))
  }, 120_000)
})

describe("a plan, decided and rendered", () => {
  const quiet = [
    piece({ seed: 1, bpm: 90, drumsDb: -3 }),
    piece({ seed: 2 }),
    piece({ seed: 3, bpm: 128, drumsDb: 3, peakDbfs: -6 })
  ]
  const crushed = [
    renderChain(piece({ seed: 1, bpm: 90, drumsDb: -3 }), rate, {
      ...neutralSettings,
      gain_db: 11,
      ceiling_dbtp: -0.1
    }),
    renderChain(piece({ seed: 2 }), rate, { ...neutralSettings, gain_db: 11, ceiling_dbtp: -0.1 }),
    renderChain(piece({ seed: 3, bpm: 128 }), rate, { ...neutralSettings, gain_db: 17, ceiling_dbtp: -0.1 }),
    piece({ seed: 2, driveDb: 6, peakDbfs: -0.3 }),
    piece({ seed: 1, bpm: 90, drumsDb: -3, driveDb: 12, peakDbfs: -0.3 })
  ]
  const analyses = new Map<Signal, ReturnType<typeof measure>>()
  const render = (signal: Signal, preset: "adaptive" | "bright" | "warm" = "adaptive", intensity = 1) => {
    const analysis = analyses.get(signal) ?? measure(signal)
    analyses.set(signal, analysis)
    const plan = decide({ analysis, preset, intensity })
    return { analysis, plan, output: renderChain(signal, rate, plan.settings) }
  }

  it("reaches the loudness it promised within 0.5 LU", () => {
    for (const [i, signal] of [...quiet, ...crushed].entries()) {
      const { output, plan } = render(signal, i % 2 === 0 ? "adaptive" : "warm")
      assert.closeTo(integratedLufs(output, rate), plan.predicted!.lufs, 0.5, `signal ${i}`)
    }
  })

  it.skipIf(!isFfmpegPresent)("keeps the ceiling and the promise by ffmpeg's meter too", () => {
    for (const signal of [quiet[2]!, crushed[3]!, crushed[4]!]) {
      const { output, plan } = render(signal)
      const reading = readWithFfmpeg(output, rate)
      assert.isAtMost(reading.truePeakDbtp, -0.95)
      assert.closeTo(reading.integratedLufs, plan.predicted!.lufs, 0.6)
    }
  })

  it("gives a compressed track its crest back: 2 to 6 dB per unit of the factor, and not louder", () => {
    for (const [i, signal] of crushed.entries()) {
      const { analysis, output, plan } = render(signal)
      assert.strictEqual(plan.class, "compressed_loud")
      const factor = plan.moves.find(({ parameter }) => parameter === "expansion")!.amount
      const gained = crestDb(output) - analysis.fingerprint.crest_db
      assert.isAtLeast(gained, 2 * factor, `signal ${i}`)
      assert.isAtMost(gained, 6 * factor, `signal ${i}`)
      assert.isBelow(integratedLufs(output, rate), analysis.fingerprint.lufs - 0.5)
    }
  })

  it("leaves a dynamic loud track its level and dynamics", () => {
    // Short full-scale bursts over a loud tone: loud, with a high crest, its peaks just safe.
    const tone = sine(rate, 6, 1500, -16)
    const signal = [tone.map((x, n) => (n % 4410 < 90 ? x + 0.72 * Math.sin((2 * Math.PI * 700 * n) / rate) : x))]
    const analysis = measure(signal)
    const gain = -8.5 - analysis.fingerprint.lufs
    const loud = signal.map((channel) => channel.map((x) => x * dbToLinear(Math.min(gain, 0))))
    const plan = decide({
      analysis: { ...analysis, fingerprint: { ...measure(loud).fingerprint, lufs: -11, crest_db: 14 } },
      preset: "bright",
      intensity: 1
    })
    assert.strictEqual(plan.class, "dynamic_loud")
    const output = renderChain(loud, rate, plan.settings)
    assert.closeTo(integratedLufs(output, rate), integratedLufs(loud, rate) + plan.settings.gain_db, 0.05)
    assert.closeTo(crestDb(output), crestDb(loud), 0.3)
  })

  it("keeps level and dynamics of a dynamic loud one but for the trim that it names", () => {
    // Its peaks a little above the ceiling: the trim is all that is needed.
    const track = trackWith({ sampleRate: rate, seconds: 6, lufs: -11, crestDb: 13.5 })
    const analysis = measure(track)
    const plan = decide({ analysis, preset: "bright", intensity: 1 })
    assert.strictEqual(plan.class, "dynamic_loud")
    const trim = plan.moves.find(({ parameter }) => parameter === "static trim")!.amount
    const output = renderChain(track, rate, plan.settings)
    assert.closeTo(integratedLufs(output, rate), analysis.fingerprint.lufs + trim, 0.3)
    assert.closeTo(crestDb(output), crestDb(track), 0.3)
  })

  it("raises the noise floor of compressed music by at most 0.5 dB", () => {
    const random = makeRandom(3)
    const paused = crushed[1]!.map((channel) => channel.slice())
    // A pause of two seconds with noise at -70 dBFS.
    const [from, to] = [4 * rate, 6 * rate]
    for (const channel of paused) for (let n = from; n < to; n++) channel[n] = 5.5e-4 * (2 * random() - 1)
    const plan = decide({ analysis: measure(paused), preset: "adaptive", intensity: 1 })
    assert.strictEqual(plan.class, "compressed_loud")
    const output = renderChain(paused, rate, plan.settings)
    const floorDb = (signal: Signal) =>
      10 * Math.log10(signal[0]!.subarray(from + rate / 2, to - 2000).reduce((sum, x) => sum + x * x, 0))
    assert.isAtMost(floorDb(output) - floorDb(paused), 0.5)
  })

  it("makes quiet tracks louder and moves presets apart", () => {
    const signal = quiet[0]!
    const before = integratedLufs(signal, rate)
    const [bright, warm] = [render(signal, "bright").output, render(signal, "warm").output]
    assert.isAbove(integratedLufs(bright, rate), before)
    const air = (of: Signal) => measure(of).fingerprint.spectral_centroid
    assert.isAbove(air(bright), 1.1 * air(warm))
  })

  it("scales with intensity, down to bit-exact", () => {
    const [signal] = quiet
    const lufs = [0, 0.5, 1].map((intensity) => integratedLufs(render(signal!, "adaptive", intensity).output, rate))
    assert.isBelow(lufs[0]!, lufs[1]!)
    assert.isBelow(lufs[1]!, lufs[2]!)
    assert.deepStrictEqual(render(signal!, "adaptive", 0).output, signal)
  })

  it("limits in the fallback, and raises what is quiet", () => {
    const { settings } = fallbackPlan({ preset: "adaptive", intensity: 1 })
    const signal = quiet[2]!
    const output = renderChain(signal, rate, settings)
    const tail = (of: Signal) => of.map((channel) => channel.slice(6 * rate))
    assert.isAbove(integratedLufs(tail(output), rate), integratedLufs(tail(signal), rate) + 1.5)
    const loud = renderChain(
      crushed[4]!.map((channel) => channel.map((x) => 2 * x)),
      rate,
      settings
    )
    assert.isAtMost(truePeakDbtp(loud.map((channel) => channel.slice(0, 2 * rate))), -0.95)
  })
})
