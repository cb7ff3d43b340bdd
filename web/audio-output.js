// @ts-check
// A message port has no origin to name.
// oxlint-disable unicorn/require-post-message-target-origin
/** Turns PCM frames into sound: an AudioContext at the track's own rate, and a ring buffer in its audio thread. */

/** Room for twice what the credits let through. */
const capacitySeconds = 4
/** Sound begins when this much has arrived. */
const prebufferSeconds = 0.5

/**
 * @typedef {object} OutputEvents
 * @property {(playedFrames: number) => void} onPlayed samples per channel since the last `begin`
 * @property {() => void} onPlaying
 * @property {() => void} onStarved
 * @property {() => void} onDrained
 */

export class AudioOutput {
  /** @param {OutputEvents} events */
  constructor(events) {
    this.events = events
    /** @type {AudioContext | undefined} */
    this.context = undefined
    /** @type {AudioWorkletNode | undefined} */
    this.node = undefined
    this.channels = 0
    this.generation = 0
  }

  /**
   * Makes the output ready for a rate and channel count. To be called from a click: browsers allow sound then only.
   * @param {number} sampleRate Hz
   * @param {number} channels
   */
  async prepare(sampleRate, channels) {
    if (this.context?.sampleRate === sampleRate && this.channels === channels) return
    await this.context?.close()
    this.context = undefined
    const context = new AudioContext({ sampleRate })
    await context.audioWorklet.addModule("ring-buffer-worklet.js")
    const node = new AudioWorkletNode(context, "ring-buffer", {
      numberOfInputs: 0,
      outputChannelCount: [channels],
      processorOptions: {
        channels,
        capacityFrames: Math.ceil(capacitySeconds * sampleRate),
        prebufferFrames: Math.ceil(prebufferSeconds * sampleRate)
      }
    })
    node.port.addEventListener("message", ({ data }) => this.#onMessage(data))
    node.port.start()
    node.connect(context.destination)
    this.context = context
    this.node = node
    this.channels = channels
  }

  /** Drops what is buffered; frames from here on belong to a new stream. */
  begin() {
    this.generation += 1
    this.node?.port.postMessage({ type: "reset", generation: this.generation })
  }

  /** @param {Float32Array} interleaved full scale = 1 */
  write(interleaved) {
    const length = interleaved.length / this.channels
    const channels = Array.from({ length: this.channels }, (_, c) => {
      const samples = new Float32Array(length)
      for (let n = 0, at = c; n < length; n++, at += this.channels) samples[n] = interleaved[at]
      return samples
    })
    this.node?.port.postMessage(
      { type: "frame", generation: this.generation, channels },
      channels.map((samples) => samples.buffer)
    )
  }

  /** Nothing more comes: what is buffered is played to its end. */
  end() {
    this.node?.port.postMessage({ type: "end", generation: this.generation })
  }

  async pause() {
    await this.context?.suspend()
  }

  async resume() {
    await this.context?.resume()
  }

  /** @param {{ type: string, generation: number, played: number }} message */
  #onMessage({ type, generation, played }) {
    if (generation !== this.generation) return
    if (type === "played") this.events.onPlayed(played)
    else if (type === "playing") this.events.onPlaying()
    else if (type === "starved") this.events.onStarved()
    else if (type === "drained") {
      this.events.onPlayed(played)
      this.events.onDrained()
    }
  }
}
