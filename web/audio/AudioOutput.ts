// A message port has no origin to name.
// oxlint-disable unicorn/require-post-message-target-origin
/** Turns samples into sound: an AudioContext at the track's own rate, and PlayoutMixer in its audio thread. */
import type { FromProcessor, ProcessorOptions, ToProcessor } from "./messages.ts"
import type { Source } from "./PlayoutMixer.ts"
// Vite makes it: the address of the bundled module.
// oxlint-disable-next-line import/default
import processorUrl from "./processor.ts?worker&url"

/** Room for more than the credits let through. */
const capacitySeconds = 6
const prebufferSeconds = 0.25
const crossfadeSeconds = 0.01
/** Time constant of the volume. */
const fadeSeconds = 0.015

export interface AudioFormat {
  /** Hz. */
  readonly sampleRate: number
  readonly channels: number
}

const isSameFormat = (a: AudioFormat, b: AudioFormat): boolean =>
  a.sampleRate === b.sampleRate && a.channels === b.channels

interface Device {
  readonly format: AudioFormat
  readonly context: AudioContext
  readonly node: AudioWorkletNode
  readonly volume: GainNode
  readonly analysers: Readonly<Record<Source, AnalyserNode>>
}

export class AudioOutput {
  readonly #inspect: boolean
  readonly #onMessage: (message: FromProcessor) => void
  #device: Device | undefined
  #preparing: Promise<void> = Promise.resolve()
  #generation = 0
  #volume = 1
  #source: Source = "enhanced"
  readonly #gains = { enhanced: 1, original: 1 }

  constructor(onMessage: (message: FromProcessor) => void, options: { readonly inspect: boolean }) {
    this.#onMessage = onMessage
    this.#inspect = options.inspect
  }

  get format(): AudioFormat | undefined {
    return this.#device?.format
  }

  /** Of both sources as they are, before volume and gains. */
  get analysers(): Readonly<Record<Source, AnalyserNode>> | undefined {
    return this.#device?.analysers
  }

  fits(format: AudioFormat): boolean {
    return this.#device !== undefined && isSameFormat(this.#device.format, format)
  }

  /** Makes the output ready for a format. To be called from a click first: browsers allow sound only then. */
  prepare(format: AudioFormat): Promise<void> {
    this.#preparing = this.#preparing.catch(() => {}).then(() => this.#open(format))
    return this.#preparing
  }

  async #open(format: AudioFormat): Promise<void> {
    if (this.fits(format)) return
    const old = this.#device
    this.#device = undefined
    await old?.context.close()
    const { channels, sampleRate } = format
    const context = new AudioContext({ sampleRate, latencyHint: "playback" })
    await context.audioWorklet.addModule(processorUrl)
    const processorOptions: ProcessorOptions = {
      channels,
      capacity: Math.ceil(capacitySeconds * sampleRate),
      prebuffer: Math.ceil(prebufferSeconds * sampleRate),
      crossfade: Math.ceil(crossfadeSeconds * sampleRate),
      inspect: this.#inspect
    }
    const node = new AudioWorkletNode(context, "playout", {
      numberOfInputs: 0,
      numberOfOutputs: 3,
      outputChannelCount: [channels, channels, channels],
      processorOptions
    })
    node.port.addEventListener("message", ({ data }: MessageEvent<FromProcessor>) => {
      if (this.#device?.node === node && data.generation === this.#generation) this.#onMessage(data)
    })
    node.port.start()
    const volume = new GainNode(context, { gain: this.#volume })
    node.connect(volume, 0).connect(context.destination)
    const analyser = (output: number) => {
      const analyser = new AnalyserNode(context, { fftSize: 4096, smoothingTimeConstant: 0.75 })
      node.connect(analyser, output)
      return analyser
    }
    this.#device = { format, context, node, volume, analysers: { enhanced: analyser(1), original: analyser(2) } }
    this.select(this.#source)
    this.setGain("enhanced", this.#gains.enhanced)
    this.setGain("original", this.#gains.original)
  }

  /** Drops what is buffered; a new timeline starts at 0. */
  begin(): void {
    this.#generation += 1
    this.#post({ type: "begin", generation: this.#generation })
  }

  /** `interleaved` at full scale = 1. */
  write(source: Source, position: number, interleaved: Float32Array): void {
    const channels = deinterleave(interleaved, this.#device?.format.channels ?? 1)
    this.#post(
      { type: "samples", generation: this.#generation, source, position, channels },
      channels.map((plane) => plane.buffer)
    )
  }

  setEnd(position: number | undefined): void {
    this.#post({ type: "end", generation: this.#generation, position })
  }

  truncate(position: number): void {
    this.#post({ type: "truncate", generation: this.#generation, position })
  }

  select(source: Source): void {
    this.#source = source
    this.#post({ type: "select", source })
  }

  setGain(source: Source, linear: number): void {
    this.#gains[source] = linear
    this.#post({ type: "gain", source, linear })
  }

  /** 0 to 1, linear. */
  setVolume(volume: number): void {
    this.#volume = volume
    const device = this.#device
    if (device !== undefined) device.volume.gain.setTargetAtTime(volume, device.context.currentTime, fadeSeconds)
  }

  async pause(): Promise<void> {
    await this.#device?.context.suspend()
  }

  async resume(): Promise<void> {
    await this.#device?.context.resume()
  }

  #post(message: ToProcessor, transfer: Array<Transferable> = []): void {
    this.#device?.node.port.postMessage(message, transfer)
  }
}

const deinterleave = (interleaved: Float32Array, channels: number): Array<Float32Array<ArrayBuffer>> => {
  const length = interleaved.length / channels
  return Array.from({ length: channels }, (_, c) => {
    const plane = new Float32Array(length)
    for (let n = 0, at = c; n < length; n++, at += channels) plane[n] = interleaved[at]!
    return plane
  })
}
