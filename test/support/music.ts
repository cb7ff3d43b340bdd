/** Music-like signals from a seed: drums, bass, chords and a melody in stereo, quiet or crushed. */
import { makeRandom, sampled, type Signal } from "./signals.ts"

export interface MusicOptions {
  readonly sampleRate: number
  readonly seconds: number
  readonly seed: number
  readonly bpm: number
  /** Level of the drums against the rest, dB. */
  readonly drumsDb: number
  /** Gain into a tanh before the final level, dB: 0 leaves the dynamics, 12 and more crush them. */
  readonly driveDb: number
  /** Sample peak of the result, dBFS. */
  readonly peakDbfs: number
}

const harmonicLevels = [1, 2, 3, 4, 5, 6].map((h) => h ** -1.6)

/** Two channels. Drums in the middle, chords spread, bass in the middle, a little noise for air. */
export const music = (options: MusicOptions): Signal => {
  const { bpm, seconds, seed } = options
  const rate = options.sampleRate
  const random = makeRandom(seed)
  let lastNoise = 0
  // Two neighbours averaged: nothing at Nyquist, as in any recording.
  const noise = () => {
    const before = lastNoise
    lastNoise = 2 * random() - 1
    return (before + lastNoise) / 2
  }
  const frames = Math.round(seconds * rate)
  const left = new Float64Array(frames)
  const right = new Float64Array(frames)
  const beat = (60 / bpm) * rate
  const drums = 10 ** (options.drumsDb / 20)
  const strike = (at: number, length: number, pan: number, sample: (t: number) => number) => {
    for (let n = 0; n < length && at + n < frames; n++) {
      const y = sample(n / rate)
      left[at + n] = left[at + n]! + y * (1 - pan)
      right[at + n] = right[at + n]! + y * (1 + pan)
    }
  }
  const root = 40 + Math.floor(random() * 8)
  const hertz = (note: number) => 440 * 2 ** ((note - 69) / 12)
  for (let step = 0; step * beat * 0.5 < frames; step++) {
    const at = Math.round(step * beat * 0.5)
    const bar = Math.floor(step / 8)
    const chordRoot = root + [0, 5, 7, 3][bar % 4]!
    // A verse without drums every fourth bar keeps the level moving.
    const hasDrums = bar % 4 !== 3
    if (hasDrums && step % 4 === 0) {
      strike(
        at,
        Math.round(0.25 * rate),
        0,
        (t) => drums * 0.9 * Math.exp(-t * 14) * Math.sin(2 * Math.PI * (48 * t + 6 * (1 - Math.exp(-t * 30))))
      )
    }
    if (hasDrums && step % 4 === 2) {
      strike(
        at,
        Math.round(0.2 * rate),
        0.1,
        (t) => drums * 0.6 * Math.exp(-t * 22) * (1.4 * noise() + 0.6 * Math.sin(2 * Math.PI * 190 * t))
      )
    }
    let lowpassed = 0
    strike(at, Math.round(0.06 * rate), -0.2, (t) => {
      const x = noise()
      lowpassed += 0.3 * (x - lowpassed)
      return drums * 0.2 * Math.exp(-t * 60) * (x - lowpassed)
    })
    const bass = hertz(chordRoot - 12)
    strike(
      at,
      Math.round(beat * 0.5),
      0,
      (t) => 0.22 * Math.min(1, t * 200) * (Math.sin(2 * Math.PI * bass * t) + 0.3 * Math.sin(4 * Math.PI * bass * t))
    )
    if (step % 8 === 0) {
      for (const [i, interval] of [12, 16, 19, 24].entries()) {
        const f = hertz(chordRoot + interval)
        const phase = 2 * Math.PI * random()
        strike(at, Math.round(beat * 4), i % 2 === 0 ? 0.5 : -0.5, (t) => {
          // Six harmonics, each from the two before it: sin(h x + p) = 2 cos(x) sin((h - 1) x + p) - sin((h - 2) x + p).
          const x = 2 * Math.PI * f * t
          const step = 2 * Math.cos(x)
          let before = Math.sin(phase)
          let harmonic = Math.sin(x + phase)
          let y = harmonic
          for (let h = 1; h < harmonicLevels.length; h++) {
            const next = step * harmonic - before
            before = harmonic
            harmonic = next
            y += harmonicLevels[h]! * harmonic
          }
          return 0.06 * Math.min(1, t * 20) * y
        })
      }
    }
    if (random() < 0.6) {
      const f = hertz(chordRoot + 24 + [0, 3, 7, 10][Math.floor(random() * 4)]!)
      strike(
        at,
        Math.round(beat * 0.45),
        random() - 0.5,
        (t) => 0.1 * Math.exp(-t * 5) * (Math.sin(2 * Math.PI * f * t) + 0.5 * Math.sin(6 * Math.PI * f * t))
      )
    }
  }
  for (let n = 0; n < frames; n++) {
    left[n] = left[n]! + 0.004 * noise()
    right[n] = right[n]! + 0.004 * noise()
  }
  const drive = 10 ** (options.driveDb / 20)
  let peak = 0
  for (const channel of [left, right]) {
    for (let n = 0; n < frames; n++) {
      if (options.driveDb !== 0) channel[n] = Math.tanh(drive * channel[n]!)
      peak = Math.max(peak, Math.abs(channel[n]!))
    }
  }
  const scale = 10 ** (options.peakDbfs / 20) / peak
  return [left, right].map((channel) => sampled(frames, (n) => scale * channel[n]!))
}

/** Sample peak over RMS of all samples of all channels, dB. */
export const crestDb = (signal: Signal): number => {
  let peak = 0
  let energy = 0
  let count = 0
  for (const channel of signal) {
    for (let n = 0; n < channel.length; n++) {
      const x = channel[n]!
      peak = Math.max(peak, Math.abs(x))
      energy += x * x
    }
    count += channel.length
  }
  return 20 * Math.log10(peak / Math.sqrt(energy / count))
}
