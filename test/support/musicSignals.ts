/** Synthesised music for tests: drum patterns, chords, pink noise. Mono float32, full scale = 1, seeded. */
import { makeRandom, sampled } from "./signals.ts"

/** Per sixteenth of a bar of four quarters: which drums sound. */
interface Pattern {
  readonly kick?: ReadonlyArray<number>
  readonly snare?: ReadonlyArray<number>
  readonly hat?: ReadonlyArray<number>
  readonly click?: ReadonlyArray<number>
}

const quarters = [0, 4, 8, 12]
const eighths = [0, 2, 4, 6, 8, 10, 12, 14]
const sixteenths = Array.from({ length: 16 }, (_, i) => i)

export const patterns = {
  click: { click: quarters },
  house: { kick: quarters, snare: [4, 12], hat: [2, 6, 10, 14] },
  rock: { kick: [0, 8], snare: [4, 12], hat: eighths },
  kickAndHat: { kick: quarters, hat: eighths },
  drumAndBass: { kick: [0, 10], snare: [4, 12], hat: sixteenths }
} as const satisfies Record<string, Pattern>

export type PatternName = keyof typeof patterns

const strike = (sampleRate: number, seconds: number, sample: (t: number) => number): Float32Array<ArrayBuffer> =>
  sampled(Math.round(seconds * sampleRate), (n) => sample(n / sampleRate))

const addAt = (out: Float32Array, start: number, sound: Float32Array): void => {
  const end = Math.min(sound.length, out.length - start)
  for (let i = 0; i < end; i++) out[start + i] = out[start + i]! + sound[i]!
}

/** A drum pattern at a tempo. Its first quarter is at `offsetSeconds`. */
export const drums = (
  sampleRate: number,
  seconds: number,
  name: PatternName,
  bpm: number,
  seed = 1,
  offsetSeconds = 0.25
): Float32Array<ArrayBuffer> => {
  const random = makeRandom(seed)
  const noise = () => 2 * random() - 1
  let last = 0
  // The first difference of white noise: as bright as a cymbal.
  const bright = () => {
    const now = noise()
    const difference = now - last
    last = now
    return difference / 2
  }
  const sounds: Record<keyof Required<Pattern>, Float32Array<ArrayBuffer>> = {
    kick: strike(
      sampleRate,
      0.2,
      (t) => 0.6 * Math.exp(-t / 0.06) * Math.sin(2 * Math.PI * (50 * t + 2.5 * (1 - Math.exp(-t / 0.03))))
    ),
    snare: strike(
      sampleRate,
      0.15,
      (t) => Math.exp(-t / 0.04) * (0.25 * noise() + 0.25 * Math.sin(2 * Math.PI * 190 * t))
    ),
    hat: strike(sampleRate, 0.05, (t) => 0.2 * Math.exp(-t / 0.012) * bright()),
    click: strike(sampleRate, 0.02, (t) => 0.7 * Math.exp(-t / 0.003) * Math.sin(2 * Math.PI * 1000 * t))
  }
  const out = new Float32Array(Math.round(seconds * sampleRate))
  const step = 60 / bpm / 4
  const pattern: Pattern = patterns[name]
  for (let bar = 0; offsetSeconds + bar * 16 * step < seconds; bar++) {
    for (const drum of ["kick", "snare", "hat", "click"] as const) {
      for (const sixteenth of pattern[drum] ?? []) {
        const start = Math.round((offsetSeconds + (bar * 16 + sixteenth) * step) * sampleRate)
        if (start < out.length) addAt(out, start, sounds[drum])
      }
    }
  }
  return out
}

/** Pink noise (-3 dB an octave): white noise through P. Kellet's filter, within 0.05 dB above 10 Hz at 44.1 kHz. */
export const pinkNoise = (
  sampleRate: number,
  seconds: number,
  amplitude: number,
  seed: number
): Float32Array<ArrayBuffer> => {
  const random = makeRandom(seed)
  const b = new Float64Array(7)
  return sampled(Math.round(seconds * sampleRate), () => {
    const white = 2 * random() - 1
    b[0] = 0.99886 * b[0]! + white * 0.0555179
    b[1] = 0.99332 * b[1]! + white * 0.0750759
    b[2] = 0.969 * b[2]! + white * 0.153852
    b[3] = 0.8665 * b[3]! + white * 0.3104856
    b[4] = 0.55 * b[4]! + white * 0.5329522
    b[5] = -0.7616 * b[5]! - white * 0.016898
    const pink = b[0]! + b[1]! + b[2]! + b[3]! + b[4]! + b[5]! + b[6]! + white * 0.5362
    b[6] = white * 0.115926
    return amplitude * 0.11 * pink
  })
}

/** Sines of equal level; `amplitude` is that of each. */
export const chord = (
  sampleRate: number,
  seconds: number,
  frequenciesHz: ReadonlyArray<number>,
  amplitude: number
): Float32Array<ArrayBuffer> =>
  sampled(Math.round(seconds * sampleRate), (n) =>
    frequenciesHz.reduce((sum, f) => sum + amplitude * Math.sin((2 * Math.PI * f * n) / sampleRate), 0)
  )

/** A sine that rises by an octave every `octaveSeconds`. */
export const glissando = (
  sampleRate: number,
  seconds: number,
  startHz: number,
  octaveSeconds: number,
  amplitude: number
): Float32Array<ArrayBuffer> =>
  sampled(Math.round(seconds * sampleRate), (n) => {
    const t = n / sampleRate
    return amplitude * Math.sin(((2 * Math.PI * startHz * octaveSeconds) / Math.LN2) * (2 ** (t / octaveSeconds) - 1))
  })

/** Segments one after the other. */
export const inSequence = (...segments: ReadonlyArray<Float32Array>): Float32Array<ArrayBuffer> => {
  const out = new Float32Array(segments.reduce((sum, segment) => sum + segment.length, 0))
  let at = 0
  for (const segment of segments) {
    out.set(segment, at)
    at += segment.length
  }
  return out
}

/** Calls `f` with a planar signal in blocks of `frames`, the last one shorter. */
export const inBlocks = (
  signal: ReadonlyArray<Float32Array>,
  frames: number,
  f: (block: ReadonlyArray<Float32Array>, length: number) => void
): void => {
  const total = signal[0]!.length
  for (let at = 0; at < total; at += frames) {
    const block = signal.map((channel) => channel.subarray(at, at + frames))
    f(block, block[0]!.length)
  }
}
