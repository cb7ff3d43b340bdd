/**
 * Gentle compressor, one gain for all channels: RMS detector, soft knee, gain moved linearly over each block (Giannoulis,
 * Massberg & Reiss, "Digital Dynamic Range Compressor Design", JAES 60-6, 2012: feed-forward, decibel domain, smoothed gain).
 */

const rmsSeconds = 0.01
const attackSeconds = 0.01
const releaseSeconds = 0.15
const kneeDb = 6
/** Level of digital silence, dB: finite, and below every threshold. */
const floorPower = 1e-12

export interface Compressor {
  /**
   * In place; one array of `blockFrames` per channel. `slope` is 1 - 1 / ratio: the share of what exceeds the threshold
   * that is taken away.
   */
  readonly process: (block: ReadonlyArray<Float64Array>, thresholdDbfs: number, slope: number) => void
}

export const makeCompressor = (options: {
  readonly sampleRate: number
  readonly channels: number
  readonly blockFrames: number
}): Compressor => {
  const { blockFrames, channels, sampleRate } = options
  const perBlock = (seconds: number) => 1 - Math.exp(-blockFrames / (seconds * sampleRate))
  const rms = perBlock(rmsSeconds)
  const attack = perBlock(attackSeconds)
  const release = perBlock(releaseSeconds)
  // mean square, gain in dB, gain. A number in a closure would be allocated anew with every change.
  const state = new Float64Array(3)
  state[2] = 1

  const process = (block: ReadonlyArray<Float64Array>, thresholdDbfs: number, slope: number): void => {
    let energy = 0
    for (let channel = 0; channel < channels; channel++) {
      const samples = block[channel]!
      for (let n = 0; n < blockFrames; n++) energy += samples[n]! * samples[n]!
    }
    const smoothed = state[0]! + rms * (energy / (blockFrames * channels) - state[0]!)
    const meanSquare = smoothed < 1e-30 ? 0 : smoothed
    state[0] = meanSquare

    const overDb = 10 * Math.log10(meanSquare + floorPower) - thresholdDbfs
    const wantedDb = -slope * softKnee(overDb)
    const before = state[1]!
    const moved = before + (wantedDb < before ? attack : release) * (wantedDb - before)
    const gainDb = moved > -1e-9 ? 0 : moved
    state[1] = gainDb

    const next = gainDb === 0 ? 1 : 10 ** (gainDb / 20)
    const gain = state[2]!
    if (next === 1 && gain === 1) return
    const step = (next - gain) / blockFrames
    for (let channel = 0; channel < channels; channel++) {
      const samples = block[channel]!
      for (let n = 0; n < blockFrames; n++) samples[n] = samples[n]! * (gain + step * (n + 1))
    }
    state[2] = next
  }
  return { process }
}

const softKnee = (overDb: number): number => {
  if (overDb <= -kneeDb / 2) return 0
  if (overDb >= kneeDb / 2) return overDb
  const x = overDb + kneeDb / 2
  return (x * x) / (2 * kneeDb)
}
