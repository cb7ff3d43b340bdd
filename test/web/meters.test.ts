/** Loudness as the player shows it, held against the standard's signals and the reference meters of these tests. */
import { describe, it } from "@effect/vitest"
import { LoudnessBlocks } from "../../web/audio/LoudnessBlocks.ts"
import { LoudnessMeter } from "../../web/audio/LoudnessMeter.ts"
import { assert } from "../support/assert.ts"
import { integratedLufs } from "../support/loudness.ts"
import { trackWith } from "../support/loudTrack.ts"
import { onAll, type Signal, silence, sine } from "../support/signals.ts"
import { truePeakDbtp } from "../support/truePeak.ts"

const sampleRate = 48_000

const measure = (signal: Signal, block = 128) => {
  const meter = new LoudnessMeter()
  const blocks = new LoudnessBlocks(sampleRate, signal.length, (b) => meter.push({ ...b }))
  const length = signal[0]!.length
  for (let at = 0; at < length; at += block) {
    const end = Math.min(length, at + block)
    blocks.push(
      signal.map((samples) => samples.subarray(at, end)),
      end - at
    )
  }
  return meter.reading()
}

describe("The player's loudness meter", () => {
  it("reads a stereo sine of 1 kHz at -23 dBFS as -23.0 LUFS, all three ways (EBU Tech 3341, 1)", () => {
    const reading = measure(onAll(2, sine(sampleRate, 5, 1000, -23)))
    for (const lufs of [reading.momentary, reading.shortTerm, reading.integrated]) assert.closeTo(lufs!, -23, 0.1)
    assert.closeTo(reading.truePeak!, -23, 0.1)
  })

  it("gates what is quiet: -36, -23, -36 dBFS read -23.0 LUFS (as EBU Tech 3341, 3, shorter)", () => {
    const part = (seconds: number, level: number) => sine(sampleRate, seconds, 1000, level)
    const parts = [part(2, -36), part(12, -23), part(2, -36)]
    const whole = new Float32Array(16 * sampleRate)
    let at = 0
    for (const samples of parts) {
      whole.set(samples, at)
      at += samples.length
    }
    assert.closeTo(measure([whole, whole]).integrated!, -23, 0.1)
  })

  it("agrees with the reference meters on a track, however it is cut", () => {
    const signal = trackWith({ sampleRate, seconds: 8, lufs: -11, crestDb: 12 })
    const reading = measure(signal)
    assert.closeTo(reading.integrated!, integratedLufs(signal, sampleRate), 0.1)
    assert.closeTo(reading.truePeak!, truePeakDbtp(signal), 0.5)
    assert.deepStrictEqual(measure(signal, 1000), reading)
  })

  it("finds a peak between the samples (EBU Tech 3341, 15-style: fs/4 at 45 degrees)", () => {
    const tone = sine(sampleRate, 1, sampleRate / 4, -6, Math.PI / 4)
    assert.closeTo(measure([tone]).truePeak!, -6, 0.3)
  })

  it("says nothing before there is enough, and minus infinity for silence", () => {
    const early = measure([silence(sampleRate, 0.3)])
    assert.deepStrictEqual([early.momentary, early.shortTerm, early.integrated], [undefined, undefined, undefined])
    const silent = measure([silence(sampleRate, 4)])
    assert.strictEqual(silent.shortTerm, -Infinity)
    assert.isUndefined(silent.integrated)
  })
})
