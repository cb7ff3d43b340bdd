/**
 * Gives crushed transients their height back: what lies between them is lowered, they themselves pass at their level.
 * Nothing is ever raised, so neither the peaks nor the noise floor nor the loudness can exceed the input's.
 *
 * A transient is where the power of the last few milliseconds stands out of that of the last tenth of a second (one
 * detector for all channels; the ratio of a fast and a slow envelope as in onset detection, independent of level). The
 * signal is delayed by one block, so that the gain is up when the transient arrives.
 */

/** Long enough that a steady 30 Hz tone does not reach `bodyDb` within its own period. */
const fastSeconds = 0.003
const slowSeconds = 0.1
/** Fast over slow power up to which nothing is a transient, and from which all of it is, dB. */
const bodyDb = 3
const transientDb = 5
const releaseSeconds = 0.02
/** Lowering the body by this much more makes up for the share that transients have in the RMS; see its test. */
const depthPerExpansion = 1.1
/** -100 dBFS: below this there is nothing to stand out. */
const floorPower = 1e-10

/** What the body is lowered by so that the crest of a whole track rises by `expansionDb`, dB. */
export const expanderDepthDb = (expansionDb: number): number => expansionDb * depthPerExpansion

export interface TransientExpander {
  /** Samples by which the output lags the input. */
  readonly latencyFrames: number
  /** In place; one array of `blockFrames` per channel. `depthDb` >= 0 is what the body is lowered by. */
  readonly process: (block: ReadonlyArray<Float64Array>, depthDb: number) => void
}

export const makeTransientExpander = (options: {
  readonly sampleRate: number
  readonly channels: number
  readonly blockFrames: number
}): TransientExpander => {
  const { blockFrames, channels, sampleRate } = options
  const perBlock = (seconds: number) => 1 - Math.exp(-blockFrames / (seconds * sampleRate))
  const fastTake = perBlock(fastSeconds)
  const slowTake = perBlock(slowSeconds)
  const releaseTake = perBlock(releaseSeconds)
  const delayed = Array.from({ length: channels }, () => new Float64Array(blockFrames))
  // fast power, slow power, lift, gain. A number in a closure would be allocated anew with every change.
  const state = new Float64Array(4)
  state[3] = 1

  const detect = (block: ReadonlyArray<Float64Array>): void => {
    let energy = 0
    for (let channel = 0; channel < channels; channel++) {
      const samples = block[channel]!
      for (let n = 0; n < blockFrames; n++) energy += samples[n]! * samples[n]!
    }
    const power = energy / (blockFrames * channels)
    const fast = settle(state[0]! + fastTake * (power - state[0]!))
    const slow = state[1]!
    const aboveDb = 10 * Math.log10((fast + floorPower) / (slow + floorPower))
    state[0] = fast
    state[1] = settle(slow + slowTake * (power - slow))
    const wanted = Math.min(1, Math.max(0, (aboveDb - bodyDb) / (transientDb - bodyDb)))
    const lift = state[2]!
    state[2] = lift + (wanted > lift ? 1 : releaseTake) * (wanted - lift)
  }

  const process = (block: ReadonlyArray<Float64Array>, depthDb: number): void => {
    detect(block)
    const gain = state[3]!
    const next = depthDb === 0 ? 1 : 10 ** ((-depthDb * (1 - state[2]!)) / 20)
    const step = (next - gain) / blockFrames
    for (let channel = 0; channel < channels; channel++) {
      const samples = block[channel]!
      const line = delayed[channel]!
      for (let n = 0; n < blockFrames; n++) {
        const arriving = samples[n]!
        samples[n] = line[n]! * (gain + step * (n + 1))
        line[n] = arriving
      }
    }
    state[3] = next
  }
  return { latencyFrames: blockFrames, process }
}

const settle = (power: number): number => (power < 1e-30 ? 0 : power)
