import { describe, it } from "@effect/vitest"
import {
  AV_CHANNEL_ORDER_UNSPEC,
  AV_SAMPLE_FMT_DBLP,
  AV_SAMPLE_FMT_FLTP,
  AV_SAMPLE_FMT_S16,
  AV_SAMPLE_FMT_S32,
  AV_SAMPLE_FMT_U8,
  type AVSampleFormat
} from "node-av/constants"
import { avChannelLayoutDefault, FFmpegError, Frame } from "node-av/lib"
import { SampleQueue } from "../../../../src/layers/audio/nodeAv/SampleQueue.ts"
import { assert } from "../../../support/assert.ts"

type Samples = Uint8Array | Int16Array | Int32Array | Float32Array | Float64Array

/** A decoded frame: one array a plane. */
const frameOf = (
  format: AVSampleFormat,
  channels: number,
  lengthFrames: number,
  planes: ReadonlyArray<Samples>,
  layout = avChannelLayoutDefault(channels)
): Frame => {
  const frame = new Frame()
  frame.alloc()
  frame.format = format
  frame.sampleRate = 44_100
  frame.nbSamples = lengthFrames
  frame.channelLayout = layout
  FFmpegError.throwIfError(frame.getBuffer())
  planes.forEach((samples, plane) => {
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)
    frame.extendedData![plane]!.set(bytes)
  })
  return frame
}

const use = <A>(run: (queue: SampleQueue) => A): A => {
  const queue = new SampleQueue()
  try {
    return run(queue)
  } finally {
    queue.close()
  }
}

const readAll = (queue: SampleQueue, channels: number): ReadonlyArray<ReadonlyArray<number>> => {
  const length = queue.lengthFrames
  const target = Array.from({ length: channels }, () => new Float32Array(length))
  assert.strictEqual(queue.read(target, 0, length), length)
  assert.strictEqual(queue.lengthFrames, 0)
  return target.map((samples) => [...samples])
}

describe("SampleQueue", () => {
  it.each([
    { name: "8 bit", format: AV_SAMPLE_FMT_U8, planes: [Uint8Array.of(0, 255, 128, 129)], step: 2 ** -7, zero: 128 },
    { name: "16 bit", format: AV_SAMPLE_FMT_S16, planes: [Int16Array.of(-32_768, 32_767, 1, -1)], step: 2 ** -15 },
    {
      name: "32 bit",
      format: AV_SAMPLE_FMT_S32,
      planes: [Int32Array.of(-(2 ** 31), 2 ** 31 - 1, 0x123456_00, -0x123457_89)],
      step: 2 ** -31
    }
  ])("makes $name integers float32, nearest to the last bit", ({ format, planes, step, zero = 0 }) =>
    use((queue) => {
      assert.isTrue(queue.push(frameOf(format, 2, 2, planes), 2, 0))
      const [a, b, c, d] = [...planes[0]!].map((sample) => Math.fround((sample - zero) * step))
      assert.deepStrictEqual(readAll(queue, 2), [
        [a, c],
        [b, d]
      ])
    })
  )

  it("hands floating point on as it is, not-a-number included, and rounds doubles", () =>
    use((queue) => {
      queue.push(frameOf(AV_SAMPLE_FMT_FLTP, 1, 3, [Float32Array.of(1.5, Number.NaN, -Infinity)]), 3, 0)
      assert.deepStrictEqual(readAll(queue, 1), [[1.5, Number.NaN, -Infinity]])
      queue.push(frameOf(AV_SAMPLE_FMT_DBLP, 1, 2, [Float64Array.of(0.1, -1 / 3)]), 2, 0)
      assert.deepStrictEqual(readAll(queue, 1), [[Math.fround(0.1), Math.fround(-1 / 3)]])
    }))

  it("gives out across frames in any pieces, without what is to be left out of the first", () =>
    use((queue) => {
      const ramp = (from: number) => Float32Array.from({ length: 20_000 }, (_, n) => from + n)
      assert.isTrue(queue.push(frameOf(AV_SAMPLE_FMT_FLTP, 1, 20_000, [ramp(0)]), 20_000, 19_998))
      assert.strictEqual(queue.lengthFrames, 2)
      assert.isTrue(queue.push(frameOf(AV_SAMPLE_FMT_FLTP, 1, 20_000, [ramp(20_000)]), 20_000, 0))
      const target = [new Float32Array(5)]
      assert.strictEqual(queue.read(target, 1, 3), 3)
      assert.deepStrictEqual([...target[0]!], [0, 19_998, 19_999, 20_000, 0])
      const [rest] = readAll(queue, 1)
      assert.strictEqual(rest!.length, 19_999)
      assert.isTrue(rest!.every((sample, n) => sample === 20_001 + n))
      assert.strictEqual(queue.read(target, 0, 5), 0)
    }))

  it("takes a frame of another format once it is empty, and not before", () =>
    use((queue) => {
      queue.push(frameOf(AV_SAMPLE_FMT_S16, 1, 2, [Int16Array.of(16_384, -16_384)]), 2, 0)
      const other = frameOf(AV_SAMPLE_FMT_S32, 1, 1, [Int32Array.of(2 ** 29)])
      assert.isFalse(queue.push(other, 1, 0))
      assert.deepStrictEqual(readAll(queue, 1), [[0.5, -0.5]])
      assert.isTrue(queue.push(other, 1, 0))
      assert.deepStrictEqual(readAll(queue, 1), [[0.25]])
    }))

  it.each([1, 2, 6, 11, 64])("keeps %i channels apart that have no names", (channels) =>
    use((queue) => {
      const unnamed = { order: AV_CHANNEL_ORDER_UNSPEC, nbChannels: channels, mask: 0n }
      for (let round = 0; round < 3; round++) {
        const samples = Int16Array.from({ length: 2 * channels }, (_, n) => 100 * round + n)
        assert.isTrue(queue.push(frameOf(AV_SAMPLE_FMT_S16, channels, 2, [samples], unnamed), 2, 0))
      }
      const expected = Array.from({ length: channels }, (_, c) =>
        [0, 1, 2].flatMap((round) => [100 * round + c, 100 * round + channels + c].map((sample) => sample / 32_768))
      )
      assert.deepStrictEqual(readAll(queue, channels), expected)
    })
  )
})
