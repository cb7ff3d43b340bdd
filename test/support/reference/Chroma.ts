/**
 * Tonal concentration: how few of the twelve pitch classes hold the power of 65 Hz to 2.1 kHz. A segment of about 0.37 s
 * at 11 kHz has bins of 2.7 Hz, less than a semitone at the low end (3.9 Hz). Each bin counts for the nearest semitone
 * of equal temperament, A4 = 440 Hz. Two segments share each transform.
 */
import { silenceMeanSquare } from "../../../src/dsp/analysis/Dynamics.ts"
import { hannWindow, makeFft } from "./Fft.ts"
import { makeSegmenter } from "../../../src/dsp/analysis/Segmenter.ts"

const size = 4096
const hop = 1024
const classes = 12
/** C2 to C7, each with its semitone's lower half. */
const lowestHz = 65.406 * 2 ** (-1 / 24)
const highestHz = 2093.005 * 2 ** (1 / 24)
const concertPitchHz = 440

/** Value for power spread evenly. */
const evenConcentration = 1 / classes

export interface Chroma {
  readonly process: (samples: Float32Array, length: number) => void
  /**
   * Mean over the non-silent segments of the sum of squares of the classes' shares: 1/12 evenly spread, 1 one class. 1/12
   * if there is no such segment. Ends the measurement.
   */
  readonly concentration: () => number
}

export const makeChroma = (rate: number, maxFrames: number): Chroma => {
  const fft = makeFft(size)
  const { inIm, inRe, outIm, outRe } = fft
  const window = hannWindow(size)
  const first = Math.ceil((lowestHz * size) / rate)
  const end = Math.min(size / 2, Math.ceil((highestHz * size) / rate))
  const classOf = Uint8Array.from({ length: end }, (_, k) => {
    const semitones = Math.round(classes * Math.log2(Math.max(1, (k * rate) / size) / concertPitchHz))
    return ((semitones % classes) + classes) % classes
  })
  const shares = [new Float64Array(classes), new Float64Array(classes)] as const
  const isSounding = [false, false]
  let waiting = 0
  let segments = 0
  let sum = 0

  const add = (share: Float64Array) => {
    let total = 0
    let squares = 0
    for (let c = 0; c < classes; c++) {
      const v = share[c]!
      total += v
      squares += v * v
    }
    if (total === 0) return
    segments++
    sum += squares / (total * total)
  }

  const analyse = (count: number) => {
    waiting = 0
    if (count === 1) inIm.fill(0)
    if (!isSounding[0] && (count === 1 || !isSounding[1])) return
    fft.transform()
    const [x, y] = shares
    x.fill(0)
    y.fill(0)
    for (let k = first; k < end; k++) {
      const m = size - k
      const xr = outRe[k]! + outRe[m]!
      const xi = outIm[k]! - outIm[m]!
      const yr = outIm[k]! + outIm[m]!
      const yi = outRe[m]! - outRe[k]!
      const c = classOf[k]!
      x[c] = x[c]! + xr * xr + xi * xi
      y[c] = y[c]! + yr * yr + yi * yi
    }
    if (isSounding[0]) add(x)
    if (count === 2 && isSounding[1]) add(y)
  }

  const segmenter = makeSegmenter({
    channels: 1,
    segment: size,
    startOf: (k) => k * hop,
    maxPush: maxFrames,
    onSegment: (buffers, offset) => {
      const samples = buffers[0]!
      const to = waiting === 0 ? inRe : inIm
      let energy = 0
      for (let i = 0; i < size; i++) {
        const v = samples[offset + i]!
        energy += v * v
        to[i] = v * window[i]!
      }
      isSounding[waiting] = energy / size >= silenceMeanSquare
      if (++waiting === 2) analyse(2)
    }
  })
  const single: [Float32Array] = [new Float32Array(0)]

  return {
    process: (samples, length) => {
      single[0] = samples
      segmenter.push(single, length)
    },
    concentration: () => {
      segmenter.finish()
      if (waiting === 1) analyse(1)
      return segments === 0 ? evenConcentration : sum / segments
    }
  }
}
