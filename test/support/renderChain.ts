/** Runs a signal through a mastering chain of its own, latency taken out: as long as it was, aligned. */
import type { RenderSettings } from "../../src/domain/mastering/MasteringPlan.ts"
import { makeMasteringChain } from "../../src/dsp/mastering/MasteringChain.ts"
import type { Signal } from "./signals.ts"

export const neutralSettings: RenderSettings = {
  bypass: false,
  balance_db: [0, 0, 0, 0, 0, 0, 0],
  expansion_db: 0,
  compressor: null,
  side_gain_db: 0,
  gain_db: 0,
  follow_lufs: null,
  follow_limit_db: 0,
  ceiling_dbtp: -1
}

/** Every stage at work. */
export const busy: RenderSettings = {
  ...neutralSettings,
  balance_db: [1, -2, 2, 0, -1, 1.5, -3],
  expansion_db: 1.5,
  compressor: { threshold_dbfs: -14, ratio: 1.4 },
  side_gain_db: 1.5,
  gain_db: 5
}

/** As without a fingerprint: the gain follows the loudness. */
export const following: RenderSettings = { ...neutralSettings, follow_lufs: -9, follow_limit_db: 9 }

/** A change of settings before sample `at` (of the input) is pushed. */
export interface Change {
  readonly at: number
  readonly settings: RenderSettings
  readonly glideFrames: number
}

export const renderChain = (
  signal: Signal,
  sampleRate: number,
  settings: RenderSettings,
  options: { readonly blockFrames?: number; readonly changes?: ReadonlyArray<Change> } = {}
): Signal => {
  const chain = makeMasteringChain({ sampleRate, channels: signal.length, settings })
  const frames = signal[0]!.length + chain.latencyFrames
  const input = signal.map((channel) => {
    const padded = new Float32Array(frames)
    padded.set(channel)
    return padded
  })
  const output = signal.map(() => new Float32Array(frames))
  const changes = [...(options.changes ?? [])]
  const blockFrames = options.blockFrames ?? 4096
  for (let at = 0; at < frames;) {
    while (changes[0] !== undefined && changes[0].at <= at) {
      const { glideFrames, settings: next } = changes.shift()!
      chain.setSettings(next, glideFrames)
    }
    const run = Math.min(blockFrames, frames - at, (changes[0]?.at ?? Infinity) - at)
    chain.process(input, at, output, at, run)
    at += run
  }
  return output.map((channel) => channel.slice(chain.latencyFrames))
}
