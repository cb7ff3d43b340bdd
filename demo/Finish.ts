/** What is done to buses and to the mix: amplifier, ducking, compression, clipping, fades. All in place. */
import { highPass, peaking } from "../src/dsp/Biquad.ts"
import { filterInPlace, StateVariableFilter } from "./Filter.ts"
import { dbToGain, type Stereo } from "./Stereo.ts"

/** A guitar amplifier: tightened lows, saturation, and the band limits of a loudspeaker of 12 inches. One channel. */
export const guitarAmplifier = (samples: Float32Array, sampleRate: number, driveDb: number): void => {
  filterInPlace(samples, highPass(sampleRate, 140, Math.SQRT1_2))
  const drive = dbToGain(driveDb)
  for (let n = 0; n < samples.length; n++) {
    const x = drive * samples[n]!
    // The offset bends the two half-waves differently, as a valve does: even harmonics.
    samples[n] = Math.tanh(x + 0.2) - Math.tanh(0.2)
  }
  filterInPlace(samples, highPass(sampleRate, 85, Math.SQRT1_2))
  filterInPlace(samples, peaking(sampleRate, 420, -3, 0.9))
  filterInPlace(samples, peaking(sampleRate, 2400, 3, 1.1))
  const speaker = new StateVariableFilter(sampleRate)
  const rolloff = new StateVariableFilter(sampleRate)
  speaker.tune(4600, 1)
  rolloff.tune(5600, 0.6)
  for (let n = 0; n < samples.length; n++) {
    speaker.process(samples[n]!)
    rolloff.process(speaker.low)
    samples[n] = rolloff.low
  }
}

/** Filters both channels with the same biquad design. */
export const equalise = (bus: Stereo, coefficients: Parameters<typeof filterInPlace>[1]): void => {
  filterInPlace(bus[0], coefficients)
  filterInPlace(bus[1], coefficients)
}

/** Pulls a bus down by `depth` (0-1) at every frame of `hits`, back with a time constant: the pump of a kick. */
export const duck = (
  bus: Stereo,
  sampleRate: number,
  hits: ReadonlyArray<number>,
  depth: number,
  recoverySeconds: number
): void => {
  const recovery = Math.exp(-1 / (recoverySeconds * sampleRate))
  const attack = 1 - Math.exp(-1 / (0.003 * sampleRate))
  const frames = new Set(hits)
  let pressure = 0
  let gain = 1
  for (let n = 0; n < bus[0].length; n++) {
    if (frames.has(n)) pressure = depth
    pressure *= recovery
    gain += attack * (1 - pressure - gain)
    bus[0][n] = gain * bus[0][n]!
    bus[1][n] = gain * bus[1][n]!
  }
}

export interface CompressorOptions {
  readonly thresholdDb: number
  readonly ratio: number
  readonly attackSeconds: number
  readonly releaseSeconds: number
}

/** A feed-forward compressor, both channels under one gain, on their mean square over about 5 ms. */
export const compress = (bus: Stereo, sampleRate: number, options: CompressorOptions): void => {
  const averaging = 1 - Math.exp(-1 / (0.005 * sampleRate))
  const attack = 1 - Math.exp(-1 / (options.attackSeconds * sampleRate))
  const release = 1 - Math.exp(-1 / (options.releaseSeconds * sampleRate))
  const slope = 1 - 1 / options.ratio
  let meanSquare = 0
  let wanted = 1
  let gain = 1
  for (let n = 0; n < bus[0].length; n++) {
    const left = bus[0][n]!
    const right = bus[1][n]!
    meanSquare += averaging * (0.5 * (left * left + right * right) - meanSquare)
    // The logarithm only now and then: the mean square moves far slower than this.
    if (n % 16 === 0) {
      const overDb = 10 * Math.log10(meanSquare + 1e-12) - options.thresholdDb
      wanted = overDb > 0 ? dbToGain(-slope * overDb) : 1
    }
    gain += (wanted < gain ? attack : release) * (wanted - gain)
    bus[0][n] = gain * left
    bus[1][n] = gain * right
  }
}

/** Drives the mix into a ceiling: straight up to `knee` times the ceiling, then a tanh that never reaches it. */
export const softClip = (bus: Stereo, driveDb: number, knee: number, ceilingDbfs: number): void => {
  const drive = dbToGain(driveDb)
  const ceiling = dbToGain(ceilingDbfs)
  const straight = knee * ceiling
  const rest = ceiling - straight
  for (const samples of bus) {
    for (let n = 0; n < samples.length; n++) {
      const x = drive * samples[n]!
      const size = Math.abs(x)
      samples[n] = size <= straight ? x : Math.sign(x) * (straight + rest * Math.tanh((size - straight) / rest))
    }
  }
}

/** Scales so that the largest sample is at `peakDbfs`. */
export const normalisePeak = (bus: Stereo, peakDbfs: number): void => {
  let peak = 0
  for (const samples of bus) for (let n = 0; n < samples.length; n++) peak = Math.max(peak, Math.abs(samples[n]!))
  const gain = dbToGain(peakDbfs) / peak
  for (const samples of bus) for (let n = 0; n < samples.length; n++) samples[n] = gain * samples[n]!
}

/** A raised-cosine fade over the last `seconds`, to exact zero. */
export const fadeOut = (bus: Stereo, sampleRate: number, seconds: number): void => {
  const frames = Math.round(seconds * sampleRate)
  const from = bus[0].length - frames
  for (let n = 0; n < frames; n++) {
    const gain = 0.5 + 0.5 * Math.cos((Math.PI * (n + 1)) / frames)
    bus[0][from + n] = gain * bus[0][from + n]!
    bus[1][from + n] = gain * bus[1][from + n]!
  }
}
