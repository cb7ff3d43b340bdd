/**
 * The compiled kernels (src/dsp/assembly, AssemblyScript with SIMD) and the memory they work in. An instance serves one
 * analysis or one rendering at a time: its memory is handed out from the bottom, and goes with it.
 */
import { readFileSync } from "node:fs"

/** What src/dsp/assembly/index.ts exports. Addresses are byte offsets into the memory; see there for the parameters. */
export interface KernelFunctions {
  readonly allocate: (bytes: number) => number
  readonly release: () => void
  readonly kWeightedEnergy: (
    left: number,
    right: number,
    length: number,
    coefficients: number,
    state: number,
    energies: number
  ) => void
  readonly complexFft: (
    re: number,
    im: number,
    window: number,
    work: number,
    tables: number,
    size: number,
    energies: number
  ) => void
  readonly stereoPower: (
    left: number,
    right: number,
    window: number,
    work: number,
    tables: number,
    size: number,
    energies: number,
    power: number,
    total: number
  ) => number
  readonly blockSums: (
    left: number,
    right: number,
    mid: number,
    length: number,
    clippedAt: number,
    sums: number
  ) => void
  readonly addScaled: (x: number, gain: number, out: number, length: number) => void
  readonly truePeak: (x: number, length: number, taps: number, bounds: number, groups: number, peak: number) => number
  readonly storeSpectrum: (power: number, bins: number, segment: number, plane: number) => void
  readonly sortSegments: (
    segment: number,
    next: number,
    previousTwo: number,
    two: number,
    olderFour: number,
    four: number,
    eight: number,
    plane: number
  ) => void
  readonly medianOverTime: (
    first: number,
    second: number,
    before: number,
    after: number,
    earlier: number,
    later: number,
    plane: number
  ) => void
  readonly separate: (
    segment: number,
    overTime: number,
    bins: number,
    plane: number,
    work: number,
    sums: number
  ) => void
  readonly spectralShape: (
    power: number,
    bins: number,
    rolloffShare: number,
    floor: number,
    work: number,
    result: number
  ) => void
  readonly decimate: (samples: number, kernel: number, taps: number, factor: number, out: number, count: number) => void
  readonly fourMagnitudes: (work: number, next: number, size: number, last: number, magnitudes: number) => void
  readonly onsetFlux: (
    magnitudes: number,
    places: number,
    rising: number,
    bandCount: number,
    lowBands: number,
    scale: number,
    bands: number,
    largest: number,
    flux: number
  ) => void
  readonly powerByClass: (
    work: number,
    size: number,
    first: number,
    ends: number,
    runs: number,
    firstClass: number,
    classes: number,
    powers: number,
    shares: number
  ) => void
  readonly beatScores: (
    strength: number,
    scores: number,
    steps: number,
    count: number,
    reversedCost: number,
    shortest: number,
    longest: number,
    likeliest: number,
    state: number
  ) => void
  readonly powersOfTwo: (work: number, size: number, powers: number) => void
  readonly yinPeriod: (
    samples: number,
    segment: number,
    correlation: number,
    scale: number,
    shortest: number,
    longest: number,
    silence: number,
    threshold: number,
    difference: number
  ) => number
  readonly widen: (x: number, stride: number, block: number, channels: number, frames: number) => void
  readonly biquads: (
    block: number,
    channels: number,
    frames: number,
    coefficients: number,
    order: number,
    count: number,
    state: number
  ) => void
  readonly movingBiquad: (
    block: number,
    channels: number,
    frames: number,
    from: number,
    to: number,
    state: number
  ) => void
  readonly expand: (block: number, channels: number, frames: number, work: number) => void
  readonly compress: (block: number, channels: number, frames: number, work: number) => void
  readonly applyGain: (block: number, channels: number, frames: number, work: number) => void
  readonly widenSide: (block: number, frames: number, work: number) => void
  readonly followedEnergy: (
    block: number,
    channels: number,
    frames: number,
    coefficients: number,
    weights: number,
    state: number,
    energy: number
  ) => void
  readonly limit: (
    block: number,
    channels: number,
    frames: number,
    setup: number,
    out: number,
    outStride: number
  ) => void
  readonly shapeBlock: (chain: number) => void
  readonly finishBlock: (chain: number, out: number) => void
  readonly renderBlocks: (chain: number, x: number, out: number, count: number) => void
  readonly limitBlocks: (
    x: number,
    stride: number,
    block: number,
    channels: number,
    frames: number,
    limiter: number,
    out: number,
    outStride: number,
    count: number
  ) => void
  readonly resample: (
    lines: number,
    lineStride: number,
    channels: number,
    table: number,
    work: number,
    out: number,
    outStride: number,
    count: number
  ) => void
}

export interface Kernels {
  readonly functions: KernelFunctions
  /** Zeroed arrays in the memory of the kernels; `byteOffset` is their address. To be made before the first sample. */
  readonly float32: (length: number) => Float32Array<ArrayBuffer>
  readonly float64: (length: number) => Float64Array<ArrayBuffer>
  readonly int32: (length: number) => Int32Array<ArrayBuffer>
  /** The address of samples in the memory of these kernels. Throws a TypeError for any other array. */
  readonly addressOf: (samples: Float32Array) => number
  /** Gives the memory to the next one that asks for kernels. To be called once; nothing may be used behind it. */
  readonly release: () => void
}

/** The address of `samples` if they are in the memory of `copy`, else that of `copy`, to which `length` are copied. */
export const addressOf = (samples: Float32Array, length: number, copy: Float32Array<ArrayBuffer>): number => {
  if (samples.buffer === copy.buffer) return samples.byteOffset
  copy.set(samples.length === length ? samples : samples.subarray(0, length))
  return copy.byteOffset
}

let compiled: WebAssembly.Module | undefined

/** Compiled at first use, once a process. `npm run build:wasm` makes the file. */
const compile = (): WebAssembly.Module =>
  (compiled ??= new WebAssembly.Module(readFileSync(new URL("../../gen/kernels.wasm", import.meta.url))))

interface Instance {
  readonly exports: WebAssembly.Exports
  readonly memory: WebAssembly.Memory
}

/**
 * An instance of the largest size that is not in use. The collector runs whenever another 32 MiB seem to be in use: on
 * track after track that was a tenth of the time of an analysis.
 */
let spare: Instance | undefined

const instantiate = (mebibytes: number): Instance => {
  const memory = new WebAssembly.Memory({
    initial: mebibytes * pagesPerMebibyte,
    maximum: largestMebibytes * pagesPerMebibyte
  })
  return { memory, exports: new WebAssembly.Instance(compile(), { env: { memory } }).exports }
}

/** A page of WebAssembly has 64 KiB. */
const pagesPerMebibyte = 16

/** What the longest analysis needs; the maximum that the kernels are compiled with. */
const largestMebibytes = 32

/**
 * `mebibytes` of address space, at most 32, of which only what is used costs memory: it never grows, so that no view is
 * detached. The collector counts all of it.
 */
export const makeKernels = (mebibytes = largestMebibytes): Kernels => {
  const isLargest = mebibytes === largestMebibytes
  const instance = (isLargest ? spare : undefined) ?? instantiate(mebibytes)
  if (isLargest) spare = undefined
  const { exports, memory } = instance
  const functions = exports as unknown as KernelFunctions
  const { buffer } = memory
  const allocate = (bytes: number): number => {
    const address = bytes >= 0 && bytes <= buffer.byteLength ? functions.allocate(bytes) : 0
    if (address === 0) throw new RangeError(`the kernels' memory has no ${bytes} bytes left`)
    return address
  }
  return {
    functions,
    float32: (length) => new Float32Array(buffer, allocate(4 * length), length),
    float64: (length) => new Float64Array(buffer, allocate(8 * length), length),
    int32: (length) => new Int32Array(buffer, allocate(4 * length), length),
    addressOf: (samples) => {
      if (samples.buffer !== buffer) throw new TypeError("these samples are not in the kernels' memory")
      return samples.byteOffset
    },
    release: () => {
      functions.release()
      if (isLargest) spare = instance
    }
  }
}
