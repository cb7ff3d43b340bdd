/**
 * The compiled kernels (src/dsp/assembly, AssemblyScript with SIMD) and the memory they work in. An instance serves one
 * analysis or one rendering: its memory is handed out once, from the bottom, and goes with it.
 */
import { readFileSync } from "node:fs"

/** What src/dsp/assembly/index.ts exports. Addresses are byte offsets into the memory; see there for the parameters. */
export interface KernelFunctions {
  readonly allocate: (bytes: number) => number
  readonly kWeightedEnergy: (
    left: number,
    right: number,
    length: number,
    coefficients: number,
    state: number,
    energies: number
  ) => void
}

export interface Kernels {
  readonly functions: KernelFunctions
  /** Zeroed arrays in the memory of the kernels; `byteOffset` is their address. To be made before the first sample. */
  readonly float32: (length: number) => Float32Array<ArrayBuffer>
  readonly float64: (length: number) => Float64Array<ArrayBuffer>
  readonly int32: (length: number) => Int32Array<ArrayBuffer>
}

let compiled: WebAssembly.Module | undefined

/** Compiled at first use, once a process. `npm run build:wasm` makes the file. */
const compile = (): WebAssembly.Module =>
  (compiled ??= new WebAssembly.Module(readFileSync(new URL("../../gen/kernels.wasm", import.meta.url))))

/** 32 MiB of address space, of which only what is used costs memory: it never grows, so that no view is detached. */
export const makeKernels = (): Kernels => {
  const { exports } = new WebAssembly.Instance(compile(), {})
  const functions = exports as unknown as KernelFunctions
  const { buffer } = exports["memory"] as WebAssembly.Memory
  const allocate = (bytes: number): number => {
    const address = functions.allocate(bytes)
    if (address === 0) throw new RangeError(`the kernels' memory has no ${bytes} bytes left`)
    return address
  }
  return {
    functions,
    float32: (length) => new Float32Array(buffer, allocate(4 * length), length),
    float64: (length) => new Float64Array(buffer, allocate(8 * length), length),
    int32: (length) => new Int32Array(buffer, allocate(4 * length), length)
  }
}
