/**
 * `node peerOnce.ts WHAT FILE [PEERS]`: reads the file's samples, then prints the CPU seconds that one part of the
 * analysis takes on them, by lathe or by a library installed in the folder PEERS. The first five seconds are the warm-up.
 */
import { createRequire } from "node:module"
import { join } from "node:path"
import { Chunk, Effect, Stream } from "effect"
import { makeBlockClock, maxBlockFrames } from "../../src/dsp/analysis/BlockClock.ts"
import { makeBlockSums } from "../../src/dsp/analysis/BlockSums.ts"
import { makeLoudnessMeter } from "../../src/dsp/analysis/LoudnessMeter.ts"
import { makeOnsetFlux } from "../../src/dsp/analysis/OnsetFlux.ts"
import { countOnsets } from "../../src/dsp/analysis/Onsets.ts"
import { makeSpectralShape } from "../../src/dsp/analysis/SpectralShape.ts"
import { makeStereoSpectrum, spectrumSegment } from "../../src/dsp/analysis/StereoSpectrum.ts"
import { measureTempo } from "../../src/dsp/analysis/Tempo.ts"
import { makeKernels } from "../../src/dsp/Kernels.ts"
import * as AudioDecoderNodeAv from "../../src/layers/audio/AudioDecoderNodeAv.ts"
import { AudioDecoder } from "../../src/services/AudioDecoder.ts"

interface Samples {
  readonly sampleRate: number
  readonly left: Float32Array
  readonly right: Float32Array
  readonly mid: Float32Array
}

/** Prepares for the samples; what it returns is what counts, and gives a number that shows that it ran. */
type Part = (samples: Samples) => () => number

const read = (path: string): Effect.Effect<Samples, unknown, AudioDecoder> =>
  Effect.gen(function* () {
    const decoder = yield* AudioDecoder
    const { sampleRate } = yield* decoder.probe(path)
    const blocks = Chunk.toReadonlyArray(yield* Stream.runCollect(decoder.decode(path)))
    const length = blocks.reduce((sum, block) => sum + block.length, 0)
    const left = new Float32Array(length)
    const right = new Float32Array(length)
    let at = 0
    for (const { channels, length } of blocks) {
      left.set(channels[0]!.subarray(0, length), at)
      right.set(channels[1]!.subarray(0, length), at)
      at += length
    }
    return { sampleRate, left, right, mid: left.map((x, n) => (x + right[n]!) / 2) }
  })

const start = ({ left, mid, right, sampleRate }: Samples, seconds: number): Samples => {
  const end = Math.round(seconds * sampleRate)
  return { sampleRate, left: left.slice(0, end), right: right.slice(0, end), mid: mid.slice(0, end) }
}

const lathe: Record<string, Part> = {
  "tempo+onsets": ({ left, right, sampleRate }) => {
    const kernels = makeKernels()
    const sums = makeBlockSums(kernels, 2, maxBlockFrames(sampleRate))
    const flux = makeOnsetFlux(kernels, sampleRate, maxBlockFrames(sampleRate))
    const clock = makeBlockClock(kernels, sampleRate, 2, (block, length) => {
      sums.process(block, length)
      flux.process(sums.mid, length)
    })
    return () => {
      clock.push([left, right], left.length)
      clock.finish()
      const series = flux.result()
      return countOnsets(series.full) + measureTempo(kernels, series).bpm
    }
  },
  spectral: ({ left, right, sampleRate }) => {
    const kernels = makeKernels()
    const frame = spectrumSegment(sampleRate)
    const shape = makeSpectralShape(kernels, frame / 2 + 1, sampleRate / frame)
    const spectrum = makeStereoSpectrum(kernels, sampleRate, maxBlockFrames(sampleRate), (power) =>
      shape.process(power)
    )
    const clock = makeBlockClock(kernels, sampleRate, 2, (block, length) =>
      spectrum.process(block[0]!, block[1]!, length)
    )
    return () => {
      clock.push([left, right], left.length)
      clock.finish()
      spectrum.finish()
      return shape.result().centroidHz
    }
  },
  loudness: ({ left, right, sampleRate }) => {
    const kernels = makeKernels()
    const meter = makeLoudnessMeter(kernels, sampleRate, 2)
    const clock = makeBlockClock(kernels, sampleRate, 2, (block, length, complete) => {
      if (complete) meter.process(block, length)
    })
    return () => {
      clock.push([left, right], left.length)
      clock.finish()
      return meter.result().integratedLufs ?? Number.NaN
    }
  }
}

// The segments of lathe's spectra at 44.1 and 48 kHz: frames, to these libraries.
const frameSize = 2048
const hopSize = 1024

/** As much of Meyda 5.6's interface as is used here. */
interface Meyda {
  bufferSize: number
  sampleRate: number
  windowingFunction: string
  readonly extract: (features: ReadonlyArray<string>, frame: Float32Array) => Record<string, number>
}

const meyda = (load: (name: string) => unknown): Record<string, Part> => ({
  spectral: ({ mid, sampleRate }) => {
    const loaded = load("meyda") as Meyda & { readonly default?: Meyda }
    const library = loaded.default ?? loaded
    Object.assign(library, { bufferSize: frameSize, sampleRate, windowingFunction: "hanning" })
    return () => {
      let sum = 0
      for (let at = 0; at + frameSize <= mid.length; at += hopSize) {
        const frame = mid.subarray(at, at + frameSize)
        sum += library.extract(["spectralCentroid", "spectralRolloff", "spectralFlatness"], frame)["spectralCentroid"]!
      }
      return sum
    }
  }
})

/** A vector in Essentia's memory. */
interface Vector {
  readonly delete: () => void
}

/** As much of essentia.js 0.1.3's interface as is used here. */
interface Essentia {
  readonly arrayToVector: (array: Float32Array) => Vector
  readonly FrameGenerator: (
    array: Float32Array,
    frame: number,
    hop: number
  ) => Vector & { readonly size: () => number; readonly get: (index: number) => Vector }
  readonly Windowing: (frame: Vector, normalized: boolean, size: number, type: string) => { readonly frame: Vector }
  readonly Spectrum: (frame: Vector, size: number) => { readonly spectrum: Vector }
  readonly Centroid: (array: Vector, range: number) => { readonly centroid: number }
  readonly RollOff: (spectrum: Vector, cutoff: number, sampleRate: number) => { readonly rollOff: number }
  readonly Flatness: (array: Vector) => { readonly flatness: number }
  readonly RhythmExtractor2013: (signal: Vector, fastest: number, method: string, slowest: number) => { bpm: number }
  readonly PercivalBpmEstimator: (signal: Vector) => { readonly bpm: number }
  readonly OnsetRate: (signal: Vector) => { readonly onsetRate: number }
  readonly LoudnessEBUR128: (
    left: Vector,
    right: Vector,
    hopSeconds: number,
    sampleRate: number
  ) => { readonly integratedLoudness: number }
}

const essentia = (load: (name: string) => unknown): Record<string, Part> => {
  const open = () => {
    const { Essentia, EssentiaWASM } = load("essentia.js") as {
      readonly Essentia: new (wasm: unknown) => Essentia
      readonly EssentiaWASM: unknown
    }
    return new Essentia(EssentiaWASM)
  }
  const onMid =
    (measure: (library: Essentia, signal: Vector) => number): Part =>
    ({ mid }) => {
      const library = open()
      const signal = library.arrayToVector(mid)
      return () => measure(library, signal)
    }
  return {
    "beats (degara)": onMid((library, signal) => library.RhythmExtractor2013(signal, 208, "degara", 40).bpm),
    "tempo (percival)": onMid((library, signal) => library.PercivalBpmEstimator(signal).bpm),
    onsets: onMid((library, signal) => library.OnsetRate(signal).onsetRate),
    spectral: ({ mid, sampleRate }) => {
      const library = open()
      return () => {
        const frames = library.FrameGenerator(mid, frameSize, hopSize)
        let sum = 0
        for (let i = 0; i < frames.size(); i++) {
          const frame = frames.get(i)
          const windowed = library.Windowing(frame, true, frameSize, "hann").frame
          const { spectrum } = library.Spectrum(windowed, frameSize)
          sum += library.Centroid(spectrum, sampleRate / 2).centroid
          sum += library.RollOff(spectrum, 0.85, sampleRate).rollOff + library.Flatness(spectrum).flatness
          for (const vector of [frame, windowed, spectrum]) vector.delete()
        }
        frames.delete()
        return sum
      }
    },
    loudness: ({ left, right, sampleRate }) => {
      const library = open()
      const pair = [library.arrayToVector(left), library.arrayToVector(right)] as const
      return () => library.LoudnessEBUR128(...pair, 0.1, sampleRate).integratedLoudness
    }
  }
}

const [what = "", file = "", peers = ""] = process.argv.slice(2)
const load = (name: string): unknown => createRequire(join(peers, "peers.js"))(name)
const libraries: Record<string, () => Record<string, Part>> = {
  lathe: () => lathe,
  meyda: () => meyda(load),
  essentia: () => essentia(load)
}
const [library = "", ...words] = what.split(" ")
const part = libraries[library]?.()[words.join(" ")]
if (part === undefined) throw new Error(`There is no part "${what}"`)

const samples = await Effect.runPromise(Effect.provide(read(file), AudioDecoderNodeAv.layer))
part(start(samples, 5))()
const run = part(samples)
const before = process.cpuUsage()
const result = run()
const { system, user } = process.cpuUsage(before)
if (!Number.isFinite(result)) throw new Error(`"${what}" gave ${result}`)
console.log((user + system) / 1e6)
