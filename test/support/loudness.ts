/**
 * An integrated-loudness meter of its own (ITU-R BS.1770-4, Annex 1), independent of the product's: the standard's 48 kHz
 * tables as they stand, for 48 kHz signals; other rates through the bilinear transform of their analogue prototypes.
 */
import type { Signal } from "./signals.ts"

interface Section {
  readonly b: readonly [number, number, number]
  readonly a: readonly [number, number]
}

// Tables 1 and 2 of Annex 1.
const tables: readonly [Section, Section] = [
  { b: [1.53512485958697, -2.69169618940638, 1.19839281085285], a: [-1.69065929318241, 0.73248077421585] },
  { b: [1, -2, 1], a: [-1.99004745483398, 0.99007225036621] }
]

/** The same analogue filter at another rate: 48 kHz table -> s plane -> bilinear transform at `sampleRate`. */
const atRate = ({ b, a }: Section, sampleRate: number): Section => {
  if (sampleRate === 48_000) return { b, a }
  const toAnalogue = (c0: number, c1: number, c2: number) => [c0 - c1 + c2, 2 * (c0 - c2), c0 + c1 + c2] as const
  const c = 48_000 / sampleRate
  const toDigital = ([s2, s1, s0]: readonly [number, number, number]) => {
    const [p2, p1, p0] = [s2, s1 * c, s0 * c * c]
    return [p2 + p1 + p0, 2 * (p0 - p2), p2 - p1 + p0] as const
  }
  const numerator = toDigital(toAnalogue(...b))
  const denominator = toDigital(toAnalogue(1, ...a))
  return {
    b: [numerator[0] / denominator[0], numerator[1] / denominator[0], numerator[2] / denominator[0]],
    a: [denominator[1] / denominator[0], denominator[2] / denominator[0]]
  }
}

const filter = (samples: Float64Array, { b, a }: Section): Float64Array => {
  const out = new Float64Array(samples.length)
  let [x1, x2, y1, y2] = [0, 0, 0, 0]
  for (let n = 0; n < samples.length; n++) {
    const x = samples[n]!
    const y = b[0] * x + b[1] * x1 + b[2] * x2 - a[0] * y1 - a[1] * y2
    x2 = x1
    x1 = x
    y2 = y1
    y1 = y
    out[n] = y
  }
  return out
}

const toLufs = (meanSquare: number) => -0.691 + 10 * Math.log10(meanSquare)

/** LUFS of up to four channels of weight 1; -Infinity where no block passes the gates. */
export const integratedLufs = (signal: Signal, sampleRate: number): number => {
  const weighted = signal.map((channel) =>
    tables.reduce<Float64Array>(
      (samples, section) => filter(samples, atRate(section, sampleRate)),
      Float64Array.from(channel)
    )
  )
  const length = Math.round(0.4 * sampleRate)
  const hop = Math.round(0.1 * sampleRate)
  const blocks: Array<number> = []
  for (let from = 0; from + length <= weighted[0]!.length; from += hop) {
    let energy = 0
    for (const channel of weighted) for (let n = from; n < from + length; n++) energy += channel[n]! * channel[n]!
    blocks.push(energy / length)
  }
  const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length
  const audible = blocks.filter((power) => toLufs(power) > -70)
  if (audible.length === 0) return -Infinity
  const gate = toLufs(mean(audible)) - 10
  return toLufs(mean(audible.filter((power) => toLufs(power) > gate)))
}
