/** The audio thread's part of the player, without a browser. */
import { describe, it } from "@effect/vitest"
import { PlayoutMixer } from "../../web/audio/PlayoutMixer.ts"
import { TimelineRing } from "../../web/audio/TimelineRing.ts"
import { assert } from "../support/assert.ts"
import { makeRandom } from "../support/signals.ts"

const quantum = 128
const planes = (channels: number, length = quantum) => Array.from({ length: channels }, () => new Float32Array(length))
const ramp = (from: number, length: number, scale = 1) =>
  Float32Array.from({ length }, (_, n) => scale * (from + n + 1))

describe("A timeline ring", () => {
  it("gives back what was written, however it is cut into pieces", () => {
    const random = makeRandom(7)
    const ring = new TimelineRing(1, 500)
    const heard: Array<number> = []
    let written = 0
    for (let turn = 0; turn < 100; turn++) {
      const length = Math.floor(random() * 200)
      if (ring.end - heard.length + length <= 500) {
        ring.write(written, [ramp(written, length)])
        written += length
      }
      const into = planes(1, Math.floor(random() * 150))
      const count = ring.read(heard.length, into, into[0]!.length)
      heard.push(...into[0]!.subarray(0, count))
      assert.isTrue(into[0]!.subarray(count).every((x) => x === 0))
      ring.discardBefore(heard.length)
    }
    assert.isAbove(heard.length, 4000)
    assert.isTrue(heard.every((x, n) => x === n + 1))
  })

  it("leaves out what it has already, and keeps what follows a hole", () => {
    const ring = new TimelineRing(1, 100)
    ring.write(0, [ramp(0, 10)])
    ring.write(5, [ramp(5, 10)])
    assert.strictEqual(ring.end, 15)
    ring.write(20, [ramp(20, 5)])
    assert.strictEqual(ring.available(0), 0)
    const into = planes(1, 5)
    assert.strictEqual(ring.read(20, into, 5), 5)
    assert.deepStrictEqual([...into[0]!], [21, 22, 23, 24, 25])
  })

  it("takes back what was written too far", () => {
    const ring = new TimelineRing(1, 100)
    ring.write(0, [ramp(0, 50)])
    ring.truncate(30)
    ring.write(30, [ramp(1000, 10)])
    const into = planes(1, 40)
    assert.strictEqual(ring.read(0, into, 40), 40)
    assert.strictEqual(into[0]![29], 30)
    assert.strictEqual(into[0]![30], 1001)
  })
})

const mixer = (prebuffer = quantum) => new PlayoutMixer({ channels: 1, capacity: 4096, prebuffer, crossfade: 100 })

const render = (mix: PlayoutMixer, blocks: number) => {
  const heard: Array<number> = []
  const [out, enhanced, original] = [planes(1), planes(1), planes(1)]
  for (let i = 0; i < blocks; i++) {
    const count = mix.render(out, enhanced, original, quantum)
    heard.push(...out[0]!.subarray(0, count))
  }
  return heard
}

describe("The playout mixer", () => {
  it("plays the enhanced source sample by sample, across the seam of two tracks", () => {
    const mix = mixer()
    mix.rings.enhanced.write(0, [ramp(0, 300)])
    mix.rings.enhanced.write(300, [ramp(300, 468)])
    assert.deepStrictEqual(render(mix, 6), [...ramp(0, 768)])
  })

  it("waits for the prebuffer, and for the end of a track that is shorter", () => {
    const mix = mixer(512)
    mix.rings.enhanced.write(0, [ramp(0, 200)])
    assert.isEmpty(render(mix, 2))
    mix.setEnd(200)
    assert.lengthOf(render(mix, 3), 200)
    assert.strictEqual(mix.state, "drained")
    mix.setEnd(undefined)
    assert.strictEqual(mix.state, "filling")
  })

  it("goes on at the missing sample after it ran dry", () => {
    const mix = mixer()
    mix.rings.enhanced.write(0, [ramp(0, 150)])
    const before = render(mix, 3)
    assert.strictEqual(mix.state, "filling")
    mix.rings.enhanced.write(150, [ramp(150, 234)])
    assert.deepStrictEqual([...before, ...render(mix, 2)], [...ramp(0, 384)])
  })

  it("crossfades to the other source at the same sample within the given length", () => {
    const mix = mixer()
    mix.rings.enhanced.write(0, [ramp(0, 1024)])
    mix.rings.original.write(0, [ramp(0, 1024, -1)])
    assert.deepStrictEqual(render(mix, 2), [...ramp(0, 256)])
    mix.select("original")
    const after = render(mix, 6)
    const expected = [...ramp(256, 768, -1)]
    assert.deepStrictEqual(after.slice(99), expected.slice(99))
    for (let n = 0; n < 99; n++) assert.closeTo(after[n]!, (257 + n) * (1 - (2 * (n + 1)) / 100), 1e-2)
  })

  it("stays with what is heard until the other source has its samples", () => {
    const mix = mixer()
    mix.rings.enhanced.write(0, [ramp(0, 1024)])
    mix.select("original")
    assert.deepStrictEqual(render(mix, 2), [...ramp(0, 256)])
    assert.strictEqual(mix.active, "enhanced")
    mix.rings.original.write(0, [ramp(0, 1024, -1)])
    assert.deepStrictEqual(render(mix, 2).slice(99), [...ramp(256, 256, -1)].slice(99))
  })

  it("is exact again once a gain has settled", () => {
    const mix = mixer()
    mix.rings.enhanced.write(0, [new Float32Array(4096).fill(1)])
    mix.setGain("enhanced", 0.5)
    const lowered = render(mix, 16)
    assert.isAbove(lowered[0]!, 0.99)
    assert.isTrue(lowered.every((x, n) => n === 0 || x <= lowered[n - 1]!))
    mix.setGain("enhanced", 1)
    mix.rings.enhanced.write(4096, [new Float32Array(2048).fill(1)])
    const raised = render(mix, 32)
    assert.isBelow(raised[0]!, 0.9)
    assert.deepStrictEqual(new Set(raised.slice(-1000)), new Set([1]))
  })
})
