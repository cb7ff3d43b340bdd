/** The double-precision transform, itself tested against the defining sum, is the reference of the compiled one. */
export { hannWindow, makeFft, nearestPowerOfTwo } from "../../../src/dsp/analysis/Fft.ts"
