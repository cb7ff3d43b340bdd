// @ts-check
// A message port has no origin to name.
// oxlint-disable unicorn/require-post-message-target-origin
/**
 * Plays samples from a ring buffer, in the audio thread. Port, inwards: `reset` (a new stream: samples of older
 * generations are dropped from here on), `frame` (planar samples of the current stream), `end` (nothing more comes).
 * Outwards: `played` about ten times a second, `starved` when the buffer has run dry before the end, `playing` when
 * sound begins or goes on, `drained` when the last sample has been played.
 */
class RingBufferProcessor extends AudioWorkletProcessor {
  /** @param {{ processorOptions: { channels: number, capacityFrames: number, prebufferFrames: number } }} options */
  constructor({ processorOptions: { channels, capacityFrames, prebufferFrames } }) {
    super()
    this.ring = Array.from({ length: channels }, () => new Float32Array(capacityFrames))
    this.capacity = capacityFrames
    this.prebuffer = prebufferFrames
    this.generation = 0
    this.clear()
    this.port.addEventListener("message", ({ data }) => this.receive(data))
    this.port.start()
  }

  clear() {
    this.readAt = 0
    this.available = 0
    this.played = 0
    this.reported = 0
    this.isFilling = true
    this.hasEnded = false
    this.isDrained = false
  }

  receive(message) {
    if (message.type === "reset") {
      this.generation = message.generation
      this.clear()
    } else if (message.generation !== this.generation) {
      return
    } else if (message.type === "end") {
      this.hasEnded = true
    } else {
      this.write(message.channels)
    }
  }

  /** @param {Array<Float32Array>} channels */
  write(channels) {
    // Credits bound what arrives to less than the ring holds.
    const length = Math.min(channels[0].length, this.capacity - this.available)
    const start = (this.readAt + this.available) % this.capacity
    const first = Math.min(length, this.capacity - start)
    for (let c = 0; c < this.ring.length; c++) {
      this.ring[c].set(channels[c].subarray(0, first), start)
      if (length > first) this.ring[c].set(channels[c].subarray(first, length), 0)
    }
    this.available += length
  }

  /** @param {unknown} _inputs @param {Array<Array<Float32Array>>} outputs */
  process(_inputs, [output]) {
    if (this.isFilling && (this.available >= this.prebuffer || (this.hasEnded && this.available > 0))) {
      this.isFilling = false
      this.post("playing")
    }
    if (!this.isFilling) this.read(output)
    if (this.hasEnded && this.available === 0 && !this.isDrained) {
      this.isDrained = true
      this.post("drained")
    }
    return true
  }

  /** @param {Array<Float32Array>} output */
  read(output) {
    const wanted = output[0].length
    const length = Math.min(wanted, this.available)
    const first = Math.min(length, this.capacity - this.readAt)
    for (let c = 0; c < output.length; c++) {
      const ring = this.ring[c]
      output[c].set(ring.subarray(this.readAt, this.readAt + first), 0)
      if (length > first) output[c].set(ring.subarray(0, length - first), first)
    }
    this.readAt = (this.readAt + length) % this.capacity
    this.available -= length
    this.played += length
    if (this.played - this.reported >= sampleRate / 10 || this.available === 0) {
      this.reported = this.played
      this.post("played")
    }
    if (length < wanted && !this.hasEnded) {
      this.isFilling = true
      this.post("starved")
    }
  }

  /** @param {string} type */
  post(type) {
    this.port.postMessage({ type, generation: this.generation, played: this.played })
  }
}

registerProcessor("ring-buffer", RingBufferProcessor)
