/**
 * What is heard where samples are missing: silence. What comes before and behind it is mirrored into it and faded, so
 * that nothing clicks and no sample of the file itself is touched.
 */

/** Long enough for no click, too short for an echo. */
const fadeSeconds = 0.005

export const fadeFramesAt = (sampleRate: number): number => Math.round(fadeSeconds * sampleRate)

export interface LostStretchOptions {
  /** Samples per channel. */
  readonly lengthFrames: number
  /** The last samples before it, one array a channel, `fadeFramesAt` long. */
  readonly before: ReadonlyArray<Float32Array>
  /** The first samples behind it, as many or fewer. */
  readonly behind: ReadonlyArray<Float32Array>
}

/** The silence, and behind it the samples that it fades into. */
export class LostStretch {
  readonly #options: LostStretchOptions
  readonly #fadeOut: number
  readonly #fadeIn: number
  #at = 0

  constructor(options: LostStretchOptions) {
    const { before, behind, lengthFrames } = options
    this.#options = options
    // So that the two do not meet.
    const half = Math.floor(lengthFrames / 2)
    this.#fadeOut = Math.min(half, before[0]?.length ?? 0)
    this.#fadeIn = Math.min(half, behind[0]?.length ?? 0)
  }

  /** Samples per channel still to be read. */
  get remainingFrames(): number {
    const { behind, lengthFrames } = this.#options
    return lengthFrames + (behind[0]?.length ?? 0) - this.#at
  }

  /** Passes over up to `frames` samples per channel of silence. */
  skipSilence(frames: number): void {
    this.#at += Math.max(0, Math.min(frames, this.#options.lengthFrames - this.#at))
  }

  /** Takes up to `length` samples per channel into `target`, `at` on; returns how many. */
  read(target: ReadonlyArray<Float32Array>, at: number, length: number): number {
    const count = Math.min(length, this.remainingFrames)
    for (const [channel, samples] of target.entries()) {
      for (let n = 0; n < count; n++) samples[at + n] = this.#sample(channel, this.#at + n)
    }
    this.#at += count
    return count
  }

  #sample(channel: number, n: number): number {
    const { lengthFrames } = this.#options
    const before = this.#options.before[channel]!
    const behind = this.#options.behind[channel]!
    if (n >= lengthFrames) return behind[n - lengthFrames]!
    if (n < this.#fadeOut) return before[before.length - 1 - n]! * fadeAt(n, this.#fadeOut)
    const distance = lengthFrames - 1 - n
    return distance < this.#fadeIn ? behind[distance]! * fadeAt(distance, this.#fadeIn) : 0
  }
}

/** Half a raised cosine, from almost 1 next to the sound down to 0. */
const fadeAt = (distance: number, fadeFrames: number): number =>
  0.5 + 0.5 * Math.cos((Math.PI * (distance + 1)) / fadeFrames)
