/** Runs a signal through a delivery of its own: latency and what precedes the start are taken out. */
import type { RenderSettings } from "../../src/domain/mastering/MasteringPlan.ts"
import type { RenderState } from "../../src/domain/mastering/RenderState.ts"
import { makeDelivery } from "../../src/dsp/mastering/Delivery.ts"
import type { Signal } from "./signals.ts"

export interface DeliverOptions {
  readonly settings?: RenderSettings | null
  readonly startFrame?: number
  readonly blockFrames?: number
  readonly from?: RenderState | undefined
  /** Told where the gains are, with what is out by then, samples per channel from `startFrame`. */
  readonly onState?: (state: RenderState | null, delivered: number) => void
  /** Settings glided to before sample `at` (of the file) is pushed. */
  readonly changes?: ReadonlyArray<{
    readonly at: number
    readonly settings: RenderSettings
    readonly glideSeconds: number
  }>
}

export const deliver = (
  signal: Signal,
  sourceRate: number,
  sampleRate: number,
  options: DeliverOptions = {}
): Signal => {
  const { blockFrames = 4096, from, onState = () => {}, settings = null, startFrame = 0 } = options
  const channels = signal.length
  const delivery = makeDelivery({ sourceRate, sampleRate, channels, settings, startFrame, from })
  const sourceFrames = signal[0]!.length
  const end = delivery.lengthOf(sourceFrames)
  const out = signal.map(() => new Float32Array(Math.max(0, end - startFrame)))
  const input = signal.map(() => new Float32Array(blockFrames))
  const output = signal.map(() => new Float32Array(delivery.capacity(blockFrames)))
  const changes = [...(options.changes ?? [])]
  let position = delivery.firstFrame
  for (let at = delivery.readFrom; position < end;) {
    while (changes[0] !== undefined && changes[0].at <= at) {
      const change = changes.shift()!
      delivery.setSettings(change.settings, change.glideSeconds)
    }
    const run = Math.min(blockFrames, (changes[0]?.at ?? Infinity) - at)
    for (const [c, samples] of signal.entries()) input[c]!.fill(0).set(samples.subarray(at, at + run))
    const count = delivery.process(input, run, output)
    for (const [c, samples] of output.entries()) {
      const from = Math.max(0, startFrame - position)
      const to = Math.min(count, end - position)
      if (to > from) out[c]!.set(samples.subarray(from, to), position + from - startFrame)
    }
    position += count
    at += run
    onState(delivery.state(), position - startFrame)
  }
  return out
}
