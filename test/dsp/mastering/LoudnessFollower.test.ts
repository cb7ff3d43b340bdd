import { describe, it } from "vitest"
import { makeKernels } from "../../../src/dsp/Kernels.ts"
import { makeLoudnessFollower } from "../../../src/dsp/mastering/LoudnessFollower.ts"
import { makePlanarBlock } from "../../../src/dsp/mastering/PlanarBlock.ts"
import { assert } from "../../support/assert.ts"
import { silence, sine } from "../../support/signals.ts"

const rate = 48_000
const blockFrames = 32
/** The gain in dB after each second of a mono 997 Hz sequence of [seconds, dBFS]; a mono sine at L dBFS is L - 3.01 LUFS. */
const follow = (sequence: ReadonlyArray<readonly [number, number]>, targetLufs: number, limitDb: number) => {
  const kernels = makeKernels()
  const block = makePlanarBlock(kernels, 1, blockFrames)
  const follower = makeLoudnessFollower(kernels, { sampleRate: rate, channels: 1, blockFrames })
  const gains: Array<number> = []
  for (const [seconds, levelDbfs] of sequence) {
    const samples = levelDbfs === -Infinity ? silence(rate, seconds) : sine(rate, seconds, 997, levelDbfs)
    for (let at = 0; at < samples.length; at += blockFrames) {
      block.channels[0]!.set(samples.subarray(at, at + blockFrames))
      const gain = follower.follow(block, targetLufs, limitDb)
      if ((at + blockFrames) % rate === 0) gains.push(gain)
    }
  }
  return gains
}

describe("LoudnessFollower", () => {
  it("starts at 0 dB, rises by at most 0.5 dB a second, and arrives", () => {
    const gains = follow([[20, -20]], -17, 9)
    assert.isAtMost(gains[0]!, 0.5)
    for (let i = 1; i < gains.length; i++) assert.isAtMost(gains[i]! - gains[i - 1]!, 0.5 + 1e-9)
    assert.closeTo(gains.at(-1)!, 6.01, 0.1)
  })

  it("never exceeds its limit and never lowers", () => {
    assert.closeTo(follow([[15, -40]], -14, 4).at(-1)!, 4, 1e-9)
    assert.isTrue(follow([[6, -3]], -14, 9).every((gain) => gain === 0))
  })

  it("holds in silence and in a pause: nothing is pumped up", () => {
    const gains = follow(
      [
        [10, -20],
        [6, -Infinity],
        [6, -45]
      ],
      -14,
      9
    )
    for (const gain of gains.slice(10)) assert.closeTo(gain, gains[9]!, 0.3)
  })

  it("does not raise a track that starts in silence before it is heard", () => {
    assert.isTrue(follow([[5, -Infinity]], -14, 9).every((gain) => gain === 0))
  })

  it("gives way within two seconds when it becomes loud", () => {
    const gains = follow(
      [
        [20, -26],
        [4, -8]
      ],
      -14,
      9
    )
    assert.isAbove(gains[19]!, 8.5)
    assert.isBelow(gains[21]!, 1.5)
  })
})
