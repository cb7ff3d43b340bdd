/**
 * Onset strength: log-filtered spectral flux with a maximum filter (S. Boeck, F. Krebs, M. Schedl, "Evaluating the
 * online capabilities of onset detection methods", ISMIR 2012; S. Boeck and G. Widmer, "Maximum filter vibrato
 * suppression for onset detection", DAFx 2013), in Hann frames of about 23 ms every 10 ms, and the onsets picked from
 * it. The low bands alone (below about 730 Hz) are kept apart: they carry the beat.
 */
import type { Kernels } from "../Kernels.ts"
import { hannWindow, makeComplexFft, nearestPowerOfTwo } from "./Fft.ts"
import { makeFramer } from "./Framer.ts"
import { makeSeries32 } from "./Series.ts"

const frameSeconds = 0.023
export const hopsPerSecond = 100
/** Triangular filters, 24 an octave from 30 Hz to 17 kHz, narrowed to whole bins, each centre bin once. */
const bandsPerOctave = 24
const lowestHz = 30
const highestHz = 17_000
/** Upper centre frequency of the low bands. */
const lowBandsHz = 730
/** Bands enter as log10(1 + magnitude), with the magnitude of a transform of 1024: a full-scale sine has 256. */
const referenceSize = 1024
/** The kernel measures one frame a lane. */
const groupFrames = 4

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
 * of `frame` samples.
 */
export const filterCorners = (sampleRate: number, frame: number): ReadonlyArray<number> => {
  const binHz = sampleRate / frame
  const corners: Array<number> = []
  for (let i = 0; ; i++) {
    const frequency = lowestHz * 2 ** (i / bandsPerOctave)
    if (frequency > highestHz) break
    const bin = Math.round(frequency / binHz)
    if (bin > frame / 2) break
    if (corners.at(-1) !== bin) corners.push(bin)
  }
  return corners
}

/** `process` takes at most `maxFrames` samples at a time. */
export const makeOnsetFlux = (kernels: Kernels, sampleRate: number, maxFrames: number): OnsetFlux => {
  const frame = nearestPowerOfTwo(frameSeconds * sampleRate)
  const ffts = [makeComplexFft(kernels, frame), makeComplexFft(kernels, frame)] as const
  const window = kernels.float32(frame)
  window.set(hannWindow(frame))
  const bins = filterCorners(sampleRate, frame)
  const bandCount = bins.length - 2
  const isAboveLow = (bin: number) => (bin * sampleRate) / frame > lowBandsHz
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
  const magnitudes = kernels.float32(groupFrames * (lastBin + 4)).byteOffset
  const bands = kernels.float32(groupFrames * (bandCount + 2)).byteOffset
  const largest = kernels.float32(groupFrames * (bandCount + 1)).byteOffset
  const flux = kernels.float32(2 * groupFrames)
  // The magnitudes come doubled.
  const scale = referenceSize / frame / 2
  const full = makeSeries32()
  const low = makeSeries32()
  let known = 0
  let measured = 0
  let bufferAddress = 0

  /** The next four frames; of what is not known yet, the last known takes the place. */
  const analyse = () => {
    const { fourMagnitudes, onsetFlux } = kernels.functions
    const address = (i: number) => bufferAddress + 4 * framer.offsetOf(Math.min(measured + i, known - 1))
    ffts[0].transform(address(0), address(1), window.byteOffset)
    ffts[1].transform(address(2), address(3), window.byteOffset)
    fourMagnitudes(ffts[0].work.byteOffset, ffts[1].work.byteOffset, frame, lastBin, magnitudes)
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
      // Nothing rises into the first frame.
      full.push(measured === 0 ? 0 : flux[i]!)
      low.push(measured === 0 ? 0 : flux[groupFrames + i]!)
    }
  }

  const framer = makeFramer({
    kernels,
    channels: 1,
    frame,
    startOf: (k) => Math.round((k * sampleRate) / hopsPerSecond),
    maxPush: maxFrames,
    groupFrames,
    onFrame: (buffers) => {
      bufferAddress = buffers[0]!.byteOffset
      known++
      if (known % groupFrames === 0) analyse()
    }
  })
  const single: [Float32Array] = [new Float32Array(0)]

  return {
    process: (samples, length) => {
      single[0] = samples
      framer.push(single, length)
    },
    result: () => {
      framer.finish()
      if (measured < known) analyse()
      return { full: full.take(), low: low.take() }
    }
  }
}
