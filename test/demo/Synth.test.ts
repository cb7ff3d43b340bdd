import { describe, it } from "vitest"
import { adsr } from "../../demo/Envelope.ts"
import { midiToHz, saw } from "../../demo/Oscillators.ts"
import { makeRandom } from "../../demo/Random.ts"
import { pingPongDelay, reverb } from "../../demo/Reverb.ts"
import { silentStereo } from "../../demo/Stereo.ts"
import { playString } from "../../demo/Synth.ts"
import { assert } from "../support/assert.ts"

const sampleRate = 44_100

/** Power of one frequency in a signal (Goertzel). */
const powerAt = (samples: Float32Array, frequencyHz: number) => {
  let re = 0
  let im = 0
  for (let n = 0; n < samples.length; n++) {
    const turn = (2 * Math.PI * frequencyHz * n) / sampleRate
    const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / samples.length)
    re += window * samples[n]! * Math.cos(turn)
    im += window * samples[n]! * Math.sin(turn)
  }
  return re * re + im * im
}

describe("the instruments", () => {
  it("tune a plucked string to within 3 cents", () => {
    for (const midi of [40, 57, 76]) {
      const out = new Float32Array(sampleRate)
      const patch = { decaySeconds: 4, releaseSeconds: 0.3, damping: 0.35, brightnessHz: 4000, pluckPosition: 0.2 }
      const place = { sampleRate, startFrame: 0, random: makeRandom(7) }
      playString(out, place, patch, { midi, heldSeconds: 1, velocity: 1, gain: 1 })
      let best = 0
      let bestPower = 0
      for (let cents = -20; cents <= 20; cents++) {
        const power = powerAt(out, midiToHz(midi + cents / 100))
        if (power > bestPower) {
          best = cents
          bestPower = power
        }
      }
      assert(Math.abs(best) <= 3, `MIDI ${midi} is ${best} cents off`)
    }
  })

  it("keep the aliases of a saw 20 dB below those of the naive one", () => {
    const hz = 3001
    const length = 8192
    const clean = new Float32Array(length)
    const naive = new Float32Array(length)
    for (let n = 0; n < length; n++) {
      const phase = ((n * hz) / sampleRate) % 1
      clean[n] = saw(phase, hz / sampleRate)
      naive[n] = 2 * phase - 1
    }
    // The 13th partial, 39 013 Hz, folds to 5 087 Hz.
    const alias = sampleRate - 13 * hz
    assert(powerAt(clean, alias) < powerAt(naive, alias) / 100)
  })

  it("shape a note from silence to full level to sustain to silence", () => {
    const shape = { attackSeconds: 0.1, decaySeconds: 0.2, sustain: 0.5, releaseSeconds: 0.05 }
    assert.strictEqual(adsr(shape, 2, 0), 0)
    assert.closeTo(adsr(shape, 2, 0.1), 1, 1e-12)
    assert.closeTo(adsr(shape, 2, 2), 0.5, 1e-3)
    assert(adsr(shape, 2, 2.5) < 1e-4)
  })
})

describe("the room", () => {
  const impulse = () => {
    const send = silentStereo(2 * sampleRate)
    send[0][0] = 1
    return send
  }
  const energy = (samples: Float32Array, fromSeconds: number, toSeconds: number) =>
    samples
      .subarray(fromSeconds * sampleRate, toSeconds * sampleRate)
      .reduce((sum: number, sample) => sum + sample * sample, 0)

  it("decays by 60 dB in the time it is given, differently left and right", () => {
    const [left, right] = reverb(impulse(), sampleRate, { decaySeconds: 1, damping: 0, preDelaySeconds: 0 })
    const fallDb = 10 * Math.log10(energy(left, 0.2, 0.4) / energy(left, 1.2, 1.4))
    assert(Math.abs(fallDb - 60) < 3, `fell by ${fallDb.toFixed(1)} dB in a second`)
    assert(energy(right, 0, 1) > 0)
    assert.notDeepStrictEqual(left.subarray(0, sampleRate), right.subarray(0, sampleRate))
  })

  it("echoes first on the right, then on the left", () => {
    const [left, right] = pingPongDelay(impulse(), sampleRate, 0.5, 0.5)
    assert(energy(right, 0.49, 0.6) > 0 && energy(left, 0.49, 0.6) === 0)
    assert(energy(left, 0.99, 1.1) > 0 && energy(left, 0.99, 1.1) < energy(right, 0.49, 0.6))
  })
})
