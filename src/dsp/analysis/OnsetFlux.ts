/**
 * Onset strength: log-filtered spectral flux with a maximum filter (S. Boeck, F. Krebs, M. Schedl, "Evaluating the
 * online capabilities of onset detection methods", ISMIR 2012; S. Boeck and G. Widmer, "Maximum filter vibrato
 * suppression for onset detection", DAFx 2013), in Hann segments of about 23 ms every 10 ms, and the onsets picked from
 * it. The low bands alone (below about 730 Hz) are kept apart: they carry the beat.
 */
import type { Kernels } from "../Kernels.ts"
import { hannWindow, makeComplexFft, nearestPowerOfTwo } from "./Fft.ts"
import { makeSegmenter } from "./Segmenter.ts"
import { makeSeries32 } from "./Series.ts"

const segmentSeconds = 0.023
export const hopsPerSecond = 100
/** Triangular filters, 24 an octave from 30 Hz to 17 kHz, narrowed to whole bins, each centre bin once. */
const bandsPerOctave = 24
const lowestHz = 30
const highestHz = 17_000
/** Upper centre frequency of the low bands. */
const lowBandsHz = 730
/** Bands enter as log10(1 + magnitude), with the magnitude of a transform of 1024: a full-scale sine has 256. */
const referenceSize = 1024
/** The kernel measures one segment a lane. */
const groupSegments = 4

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

/**
 * Bins of the corners of triangular filters: filter b rises from corner b to b + 1 and falls to b + 2. For a transform
 * of `segment` samples.
 */
const filterCorners = (sampleRate: number, segment: number): ReadonlyArray<number> => {
  const binHz = sampleRate / segment
  const corners: Array<number> = []
  for (let i = 0; ; i++) {
    const frequency = lowestHz * 2 ** (i / bandsPerOctave)
    if (frequency > highestHz) break
    const bin = Math.round(frequency / binHz)
    if (bin > segment / 2) break
    if (corners.at(-1) !== bin) corners.push(bin)
  }
  return corners
}

/** `process` takes at most `maxFrames` samples at a time. */
export const makeOnsetFlux = (kernels: Kernels, sampleRate: number, maxFrames: number): OnsetFlux => {
  const segment = nearestPowerOfTwo(segmentSeconds * sampleRate)
  const ffts = [makeComplexFft(kernels, segment), makeComplexFft(kernels, segment)] as const
  const window = kernels.float32(segment)
  window.set(hannWindow(segment))
  const bins = filterCorners(sampleRate, segment)
  const bandCount = bins.length - 2
  const isAboveLow = (bin: number) => (bin * sampleRate) / segment > lowBandsHz
  const lowCount = bins.slice(1, -1).findIndex(isAboveLow)
  const lowBands = lowCount === -1 ? bandCount : lowCount
  const lastBin = bins.at(-1)!
  const corners = kernels.int32(bins.length)
  corners.set(bins)
  const rising = kernels.float32(lastBin + 1)
  for (let s = 0; s + 1 < bins.length; s++) {
    const from = bins[s]!
    const to = bins[s + 1]!
    for (let k = from + 1; k <= to; k++) rising[k] = (k - from) / (to - from)
  }
  const magnitudes = kernels.float32(groupSegments * (lastBin + 4)).byteOffset
  const bands = kernels.float32(groupSegments * (bandCount + 2)).byteOffset
  const largest = kernels.float32(groupSegments * (bandCount + 1)).byteOffset
  const flux = kernels.float32(2 * groupSegments)
  // The magnitudes come doubled.
  const scale = referenceSize / segment / 2
  const full = makeSeries32()
  const low = makeSeries32()
  let known = 0
  let measured = 0
  let bufferAddress = 0

  /** The next four segments; of what is not known yet, the last known takes the place. */
  const analyse = () => {
    const { fourMagnitudes, onsetFlux } = kernels.functions
    const address = (i: number) => bufferAddress + 4 * segmenter.offsetOf(Math.min(measured + i, known - 1))
    ffts[0].transform(address(0), address(1), window.byteOffset)
    ffts[1].transform(address(2), address(3), window.byteOffset)
    fourMagnitudes(ffts[0].work.byteOffset, ffts[1].work.byteOffset, segment, lastBin, magnitudes)
    onsetFlux(
      magnitudes,
      corners.byteOffset,
      rising.byteOffset,
      bandCount,
      lowBands,
      scale,
      bands,
      largest,
      flux.byteOffset
    )
    for (let i = 0; measured < known; measured++, i++) {
      // Nothing rises into the first segment.
      full.push(measured === 0 ? 0 : flux[i]!)
      low.push(measured === 0 ? 0 : flux[groupSegments + i]!)
    }
  }

  const segmenter = makeSegmenter({
    kernels,
    channels: 1,
    segment,
    startOf: (k) => Math.round((k * sampleRate) / hopsPerSecond),
    maxPush: maxFrames,
    groupSegments,
    onSegment: (buffers) => {
      bufferAddress = buffers[0]!.byteOffset
      known++
      if (known % groupSegments === 0) analyse()
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
      if (measured < known) analyse()
      return { full: full.take(), low: low.take() }
    }
  }
}
