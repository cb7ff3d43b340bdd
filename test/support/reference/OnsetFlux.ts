/**
 * Onset strength: log-filtered spectral flux with a maximum filter (S. Boeck, F. Krebs, M. Schedl, "Evaluating the
 * online capabilities of onset detection methods", ISMIR 2012; S. Boeck and G. Widmer, "Maximum filter vibrato
 * suppression for onset detection", DAFx 2013), in Hann segments of about 23 ms every 10 ms, and the onsets picked from
 * it. The low bands alone (below about 730 Hz) are kept apart: they carry the beat. Two segments share each transform.
 */
import { hannWindow, makeFft, nearestPowerOfTwo } from "./Fft.ts"
import { makeSegmenter } from "../../../src/dsp/analysis/Segmenter.ts"
import { makeSeries32 } from "../../../src/dsp/analysis/Series.ts"

const segmentSeconds = 0.023
const hopsPerSecond = 100
/** Triangular filters, 24 an octave from 30 Hz to 17 kHz, narrowed to whole bins, each centre bin once. */
const bandsPerOctave = 24
const lowestHz = 30
const highestHz = 17_000
/** Upper centre frequency of the low bands. */
const lowBandsHz = 730
/** Bands enter as log10(1 + magnitude), with the magnitude of a transform of 1024: a full-scale sine has 256. */
const referenceSize = 1024

export interface OnsetSeries {
  /** Flux over all bands, one value a hop. */
  readonly full: Float32Array
  /** Flux over the low bands. */
  readonly low: Float32Array
}

export interface OnsetFlux {
  readonly process: (samples: Float32Array, length: number) => void
  /** Ends the measurement. */
  readonly result: () => OnsetSeries
}

export interface Filterbank {
  /** First bin, centre bin and bin after the last, per band. */
  readonly start: Int32Array
  readonly centre: Int32Array
  readonly end: Int32Array
}

const makeFilterbank = (sampleRate: number, segment: number): Filterbank => {
  const binHz = sampleRate / segment
  const places: Array<number> = []
  for (let i = 0; ; i++) {
    const frequency = lowestHz * 2 ** (i / bandsPerOctave)
    if (frequency > highestHz) break
    const bin = Math.round(frequency / binHz)
    if (bin > segment / 2) break
    if (places.at(-1) !== bin) places.push(bin)
  }
  const count = Math.max(0, places.length - 2)
  return {
    start: Int32Array.from({ length: count }, (_, i) => places[i]! + 1),
    centre: Int32Array.from({ length: count }, (_, i) => places[i + 1]!),
    end: Int32Array.from({ length: count }, (_, i) => places[i + 2]!)
  }
}

export const makeOnsetFlux = (sampleRate: number, maxFrames: number): OnsetFlux => {
  const segment = nearestPowerOfTwo(segmentSeconds * sampleRate)
  const fft = makeFft(segment)
  const { inIm, inRe, outIm, outRe } = fft
  const window = hannWindow(segment)
  const { centre, end, start } = makeFilterbank(sampleRate, segment)
  const bandCount = centre.length
  const lowCount = centre.findIndex((bin) => (bin * sampleRate) / segment > lowBandsHz)
  const lowBands = lowCount === -1 ? bandCount : lowCount
  const scale = referenceSize / segment
  const magnitude = new Float64Array(segment / 2 + 1)
  let current = new Float64Array(bandCount)
  let previous = new Float64Array(bandCount)
  const full = makeSeries32()
  const low = makeSeries32()
  let waiting = 0
  let isFirst = true

  const flux = (now: Float64Array, before: Float64Array, count: number): number => {
    let sum = 0
    for (let b = 0; b < count; b++) {
      let largest = before[b]!
      if (b > 0 && before[b - 1]! > largest) largest = before[b - 1]!
      if (b + 1 < count && before[b + 1]! > largest) largest = before[b + 1]!
      const rise = now[b]! - largest
      if (rise > 0) sum += rise
    }
    return sum
  }

  /** `magnitude` holds twice the magnitudes of one segment. */
  const note = () => {
    for (let b = 0; b < bandCount; b++) {
      const from = start[b]!
      const middle = centre[b]!
      const to = end[b]!
      let sum = magnitude[middle]!
      for (let k = from; k < middle; k++) sum += (magnitude[k]! * (k - from + 1)) / (middle - from + 1)
      for (let k = middle + 1; k < to; k++) sum += (magnitude[k]! * (to - k)) / (to - middle)
      const filtered = (sum * scale) / 2
      current[b] = Math.log10(1 + filtered)
    }
    full.push(isFirst ? 0 : flux(current, previous, bandCount))
    low.push(isFirst ? 0 : flux(current, previous, lowBands))
    isFirst = false
    const swap = previous
    previous = current
    current = swap
  }

  const analyse = (count: number) => {
    waiting = 0
    if (count === 1) inIm.fill(0)
    fft.transform()
    const half = segment / 2
    const last = bandCount === 0 ? 0 : Math.min(half, end[bandCount - 1]!)
    for (let part = 0; part < count; part++) {
      const sign = part === 0 ? 1 : -1
      for (let k = 1; k <= last; k++) {
        const m = segment - k
        const a = outRe[k]! + sign * outRe[m]!
        const b = outIm[k]! - sign * outIm[m]!
        magnitude[k] = Math.sqrt(a * a + b * b)
      }
      note()
    }
  }

  const segmenter = makeSegmenter({
    channels: 1,
    segment,
    startOf: (k) => Math.round((k * sampleRate) / hopsPerSecond),
    maxPush: maxFrames,
    onSegment: (buffers, offset) => {
      const x = buffers[0]!
      const to = waiting === 0 ? inRe : inIm
      for (let i = 0; i < segment; i++) to[i] = x[offset + i]! * window[i]!
      if (++waiting === 2) analyse(2)
    }
  })
  const single: [Float32Array] = [new Float32Array(0)]

  return {
    process: (samples, length) => {
      single[0] = samples
      segmenter.push(single, length)
    },
    result: () => {
      segmenter.finish()
      if (waiting === 1) analyse(1)
      return { full: full.take(), low: low.take() }
    }
  }
}
