// A message port has no origin to name.
// oxlint-disable unicorn/require-post-message-target-origin
/** The audio thread: PlayoutMixer between a message port and three outputs (heard, enhanced, original). */
import { LoudnessBlocks } from "./LoudnessBlocks.ts"
import type { FromProcessor, ProcessorOptions, ToProcessor } from "./messages.ts"
import { PlayoutMixer, type Source } from "./PlayoutMixer.ts"

declare const sampleRate: number
declare class AudioWorkletProcessor {
  readonly port: MessagePort
}
declare const registerProcessor: (
  name: string,
  processor: new (options: { readonly processorOptions: ProcessorOptions }) => AudioWorkletProcessor
) => void

const reportsPerSecond = 20

class PlayoutProcessor extends AudioWorkletProcessor {
  readonly #mixer: PlayoutMixer
  readonly #meters: Readonly<Record<Source, LoudnessBlocks>>
  readonly #inspect: boolean
  #generation = 0
  #reported = 0
  #state = ""

  constructor({ processorOptions }: { readonly processorOptions: ProcessorOptions }) {
    super()
    this.#mixer = new PlayoutMixer(processorOptions)
    this.#inspect = processorOptions.inspect
    const meter = (source: Source) =>
      new LoudnessBlocks(sampleRate, processorOptions.channels, (block) =>
        this.#post({
          type: "loudness",
          generation: this.#generation,
          position: this.#mixer.position,
          source,
          block: { ...block }
        })
      )
    this.#meters = { enhanced: meter("enhanced"), original: meter("original") }
    this.port.addEventListener("message", ({ data }: MessageEvent<ToProcessor>) => this.#receive(data))
    this.port.start()
  }

  #receive(message: ToProcessor): void {
    const mixer = this.#mixer
    if (message.type === "begin") {
      this.#generation = message.generation
      this.#reported = 0
      this.#state = ""
      this.#meters.enhanced.clear()
      this.#meters.original.clear()
      mixer.begin()
    } else if (message.type === "select") mixer.select(message.source)
    else if (message.type === "gain") mixer.setGain(message.source, message.linear)
    else if (message.generation !== this.#generation) return
    else if (message.type === "samples") mixer.rings[message.source].write(message.position, message.channels)
    else if (message.type === "end") mixer.setEnd(message.position)
    else mixer.truncate(message.position)
  }

  process(_inputs: unknown, [heard, enhanced, original]: [Float32Array[], Float32Array[], Float32Array[]]): boolean {
    const mixer = this.#mixer
    const position = mixer.position
    const count = mixer.render(heard, enhanced, original, heard[0]!.length)
    // A source that has fallen behind is not measured: its silence is not the music's.
    if (count > 0 && mixer.held.enhanced === count) this.#meters.enhanced.push(enhanced, count)
    if (count > 0 && mixer.held.original === count) this.#meters.original.push(original, count)
    if (this.#inspect && count > 0) {
      const copy = (planes: Float32Array[]) => planes.map((plane) => plane.slice(0, count))
      const held = { ...mixer.held }
      const planes = { heard: copy(heard), enhanced: copy(enhanced), original: copy(original) }
      this.#post({ type: "inspection", generation: this.#generation, position, held, ...planes })
    }
    const state = `${mixer.state} ${mixer.active}`
    if (state !== this.#state || mixer.position - this.#reported >= sampleRate / reportsPerSecond) {
      this.#state = state
      this.#reported = mixer.position
      this.#post({
        type: "position",
        generation: this.#generation,
        position: mixer.position,
        state: mixer.state,
        active: mixer.active
      })
    }
    return true
  }

  #post(message: FromProcessor): void {
    this.port.postMessage(message)
  }
}

registerProcessor("playout", PlayoutProcessor)
