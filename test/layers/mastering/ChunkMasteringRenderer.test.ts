import { describe, it } from "@effect/vitest"
import { readFileSync, writeFileSync } from "node:fs"
import { Chunk, Effect, Exit, Layer, Stream } from "effect"
import { TrackUnreadable } from "../../../src/domain/audio/AnalysisError.ts"
import { fallbackPlan } from "../../../src/domain/mastering/FallbackPlan.ts"
import type { MasteringPlan, RenderSettings } from "../../../src/domain/mastering/MasteringPlan.ts"
import { layer as rendererLayer } from "../../../src/layers/mastering/ChunkMasteringRenderer.ts"
import * as Transparent from "../../support/layers/ChunkMasteringTransparent.ts"
import { ChunkMastering, type PcmPacket, type RenderRequest } from "../../../src/services/ChunkMastering.ts"
import * as AudioDecoderNodeAv from "../../../src/layers/audio/AudioDecoderNodeAv.ts"
import { assert } from "../../support/assert.ts"
import { temporaryFolder, writeAudioFile } from "../../support/audioFiles.ts"
import * as AudioDecoderMemory from "../../support/AudioDecoderMemory.ts"
import { music } from "../../support/music.ts"
import { type Signal, silence, sine, whiteNoise } from "../../support/signals.ts"

const rate = 22_050
const song = music({ sampleRate: rate, seconds: 12.3, seed: 5, bpm: 118, drumsDb: 0, driveDb: 6, peakDbfs: -0.2 })
const oddRate = 11_025 + 3
const tracks: Record<string, AudioDecoderMemory.MemoryTrack> = {
  "/song": { sampleRate: rate, signal: song },
  "/left": { sampleRate: rate, signal: [sine(rate, 1.1, 440, -6), silence(rate, 1.1)] },
  "/odd": { sampleRate: oddRate, signal: [whiteNoise(oddRate, 2.7, -20, 3)] },
  "/usual": { sampleRate: 44_100, signal: [whiteNoise(44_100, 0.4, -6, 4)] },
  "/silence": { sampleRate: rate, signal: [silence(rate, 1.3), silence(rate, 1.3)] },
  "/nan": { sampleRate: rate, signal: [withSample(sine(rate, 2, 440, -6), 30_000, Number.NaN)] },
  "/infinite": { sampleRate: rate, signal: [withSample(sine(rate, 2, 440, -6), 30_000, -Infinity)] },
  "/broken": { sampleRate: rate, signal: [sine(rate, 2, 440, -6)], failsAt: 20_001 },
  "/damaged": { sampleRate: rate, signal: [sine(rate, 2, 440, -6)], loss: { from: 2205, frames: 4410 } },
  "/short": { sampleRate: rate, signal: [sine(rate, 0.001, 440, -6)] }
}

function withSample(samples: Float32Array<ArrayBuffer>, at: number, value: number) {
  samples[at] = value
  return samples
}

const neutral = fallbackPlan({ preset: "adaptive", intensity: 1 })
const planOf = (settings: Partial<RenderSettings>): MasteringPlan => ({
  ...neutral,
  settings: { ...neutral.settings, follow_lufs: null, follow_limit_db: 0, ...settings }
})
const busy = planOf({
  balance_db: [1, -2, 2, 0, -1, 1.5, -3],
  expansion_db: 1.5,
  compressor: { threshold_dbfs: -14, ratio: 1.4 },
  side_gain_db: 1.5,
  gain_db: 5
})

const open = (request: RenderRequest) => Effect.flatMap(ChunkMastering, (mastering) => mastering.open(request))

const packetsOf = Effect.fn(function* (
  path: string,
  plan: MasteringPlan | null,
  startFrame = 0,
  options: Pick<RenderRequest, "packetSeconds" | "sampleRate"> = {}
) {
  const rendering = yield* open({ path, plan, startFrame, ...options })
  return Chunk.toReadonlyArray(yield* Stream.runCollect(rendering.packets))
}, Effect.scoped)

const planar = (packets: ReadonlyArray<PcmPacket>, channels: number): Signal => {
  const total = packets.reduce((sum, packet) => sum + packet.sampleCount, 0)
  const out = Array.from({ length: channels }, () => new Float32Array(total))
  let at = 0
  for (const { sampleCount, samples } of packets) {
    assert.strictEqual(samples.length, sampleCount * channels)
    for (let n = 0; n < sampleCount; n++)
      for (let c = 0; c < channels; c++) out[c]![at + n] = samples[n * channels + c]!
    at += sampleCount
  }
  return out
}

const largestDifferenceDbfs = (a: Float32Array, b: Float32Array): number => {
  assert.strictEqual(a.length, b.length)
  let largest = 0
  for (let n = 0; n < a.length; n++) largest = Math.max(largest, Math.abs(a[n]! - b[n]!))
  return 20 * Math.log10(largest)
}

const run = <A, E>(effect: Effect.Effect<A, E, ChunkMastering>) =>
  Effect.provide(effect, rendererLayer.pipe(Layer.provide(AudioDecoderMemory.layer(tracks))))

describe("ChunkMasteringRenderer", () => {
  it.effect("without a plan the file's samples pass bit for bit", () =>
    run(
      Effect.gen(function* () {
        assert.deepStrictEqual(planar(yield* packetsOf("/song", null), 2), song)
        const from = 70_001
        assert.deepStrictEqual(
          planar(yield* packetsOf("/song", null, from), 2),
          song.map((channel) => channel.slice(from))
        )
      })
    )
  )

  it.effect("at intensity 0 the file's samples pass bit for bit", () =>
    run(
      Effect.gen(function* () {
        const plan = fallbackPlan({ preset: "warm", intensity: 0 })
        assert.deepStrictEqual(planar(yield* packetsOf("/song", plan), 2), song)
      })
    )
  )

  it.effect("as many samples leave as were decoded, aligned to the sample", () =>
    run(
      Effect.gen(function* () {
        // Neither the gain nor the limiter has anything to do: what differs is alignment.
        const [left, right] = planar(yield* packetsOf("/left", planOf({})), 2)
        assert.deepStrictEqual(left, tracks["/left"]!.signal[0])
        assert.deepStrictEqual(right, tracks["/left"]!.signal[1])
        const [short] = planar(yield* packetsOf("/short", busy), 1)
        assert.strictEqual(short!.length, tracks["/short"]!.signal[0]!.length)
      })
    )
  )

  it.effect("packets lie on a 250 ms grid that starts at 0, contiguous, at rates that 4 does not divide", () =>
    run(
      Effect.gen(function* () {
        const start = 5_000
        const packets = yield* packetsOf("/odd", busy, start)
        const grid = (k: number) => Math.round((k * oddRate) / 4)
        let expected = start
        for (const [i, packet] of packets.entries()) {
          assert.strictEqual(packet.sampleOffset, expected)
          expected += packet.sampleCount
          if (i < packets.length - 1) assert.strictEqual(expected, grid(2 + i))
        }
        assert.strictEqual(expected, tracks["/odd"]!.signal[0]!.length)
      })
    )
  )

  it.effect("packets of any length hold the same samples", () =>
    Effect.gen(function* () {
      const usual = planar(yield* packetsOf("/song", busy), 2)
      for (const packetSeconds of [0.01, 0.37, 10]) {
        const packets = yield* packetsOf("/song", busy, 0, { packetSeconds })
        assert.strictEqual(packets[0]!.sampleCount, Math.round(packetSeconds * rate))
        assert.deepStrictEqual(planar(packets, 2), usual)
      }
    }).pipe(run)
  )

  it.effect("delivers at another rate on that rate's grid, every n with n / rate within the file", () =>
    run(
      Effect.gen(function* () {
        const sampleRate = 48_000
        for (const plan of [null, busy]) {
          const rendering = yield* open({ path: "/song", plan, startFrame: 10_001, sampleRate })
          const expected = Math.ceil((song[0]!.length * sampleRate) / rate)
          assert.strictEqual(rendering.sampleRate, sampleRate)
          assert.strictEqual(rendering.totalFrames, expected)
          const packets = Chunk.toReadonlyArray(yield* Stream.runCollect(rendering.packets))
          let position = 10_001
          for (const packet of packets) {
            assert.strictEqual(packet.sampleOffset, position)
            position += packet.sampleCount
            if (position < expected) assert.strictEqual(position % (sampleRate / 4), 0)
          }
          assert.strictEqual(position, expected)
        }
      }).pipe(Effect.scoped)
    )
  )

  it.effect("delivers at another rate what the file holds at that instant, wherever it starts", () =>
    run(
      Effect.gen(function* () {
        const sampleRate = 44_100
        const tone = sine(sampleRate, 1.1, 440, -6)
        const whole = planar(yield* packetsOf("/left", null, 0, { sampleRate }), 2)
        for (let n = 1000; n < tone.length - 1000; n += 101) assert.closeTo(whole[0]![n]!, tone[n]!, 1e-5)
        assert.isTrue(whole[1]!.every((x) => x === 0))
        const rest = planar(yield* packetsOf("/left", null, 30_003, { sampleRate }), 2)
        assert.deepStrictEqual(
          rest,
          whole.map((channel) => channel.slice(30_003))
        )
        const mastered = planar(yield* packetsOf("/song", busy, 0, { sampleRate }), 2)
        const from = 9 * sampleRate + 777
        const seek = planar(yield* packetsOf("/song", busy, from, { sampleRate }), 2)
        for (const channel of [0, 1]) {
          assert.isBelow(largestDifferenceDbfs(seek[channel]!, mastered[channel]!.slice(from)), -90)
        }
        const end = mastered[0]!.length
        for (const plan of [null, busy])
          assert.deepStrictEqual(yield* packetsOf("/song", plan, end, { sampleRate }), [])
      })
    )
  )

  it.effect("asked for the file's own rate, it is as if nothing had been asked", () =>
    run(
      Effect.gen(function* () {
        const usual = yield* packetsOf("/usual", busy)
        assert.deepStrictEqual(yield* packetsOf("/usual", busy, 0, { sampleRate: 44_100 }), usual)
      })
    )
  )

  it.effect("uses a packet's memory again where that was asked for, and never otherwise", () =>
    run(
      Effect.gen(function* () {
        const usual = yield* packetsOf("/song", busy, 1234, { packetSeconds: 0.1 })
        assert.strictEqual(new Set(usual.map(({ samples }) => samples.buffer)).size, usual.length)
        const rendering = yield* open({
          path: "/song",
          plan: busy,
          startFrame: 1234,
          packetSeconds: 0.1,
          reusesMemory: true
        })
        const copies: Array<PcmPacket> = []
        const buffers = new Set<ArrayBuffer>()
        yield* Stream.runForEach(rendering.packets, (packet) =>
          Effect.sync(() => {
            buffers.add(packet.samples.buffer)
            copies.push({ ...packet, samples: packet.samples.slice() })
          })
        )
        assert.deepStrictEqual(copies, usual)
        assert.isAtMost(buffers.size, 5)
      }).pipe(Effect.scoped)
    )
  )

  it.effect("a start in the middle is within -90 dBFS of the render of the whole file", () =>
    run(
      Effect.gen(function* () {
        const whole = planar(yield* packetsOf("/song", busy), 2)
        const from = 8 * rate + 777
        const seek = planar(yield* packetsOf("/song", busy, from), 2)
        for (const channel of [0, 1]) {
          assert.isBelow(largestDifferenceDbfs(seek[channel]!, whole[channel]!.slice(from)), -90)
        }
      })
    )
  )

  it.effect("a start at or past the end delivers nothing", () =>
    run(
      Effect.gen(function* () {
        for (const plan of [null, busy]) {
          assert.deepStrictEqual(yield* packetsOf("/song", plan, song[0]!.length), [])
          assert.deepStrictEqual(yield* packetsOf("/song", plan, song[0]!.length + 1e9), [])
        }
      })
    )
  )

  it.effect("left stays left, and the other side stays digital silence", () =>
    run(
      Effect.gen(function* () {
        const plan = planOf({ balance_db: [1, 1, 1, 1, 1, 1, 1], gain_db: 3 })
        const [left, right] = planar(yield* packetsOf("/left", plan), 2)
        assert.isAbove(Math.max(...left!), 0.5)
        assert.isTrue(right!.every((x) => Object.is(x, 0)))
      })
    )
  )

  it.effect("a silent track stays digital silence", () =>
    run(
      Effect.gen(function* () {
        for (const plan of [busy, neutral]) {
          const signal = planar(yield* packetsOf("/silence", plan), 2)
          assert.isTrue(signal.every((channel) => channel.every((x) => x === 0)))
        }
      })
    )
  )

  for (const [path, position] of [
    ["/nan", 30_000],
    ["/infinite", 30_000]
  ] as const) {
    it.effect(`${path.slice(1)} in the file is an error with its position, after what came before it`, () =>
      run(
        Effect.gen(function* () {
          for (const plan of [null, planOf({})]) {
            const packets: Array<PcmPacket> = []
            const exit = yield* Effect.exit(
              Effect.scoped(
                Effect.flatMap(open({ path, plan, startFrame: 0 }), (rendering) =>
                  Stream.runForEach(rendering.packets, (packet) => Effect.sync(() => packets.push(packet)))
                )
              )
            )
            assert.deepStrictEqual(
              exit,
              Exit.fail(
                new TrackUnreadable({
                  file: path.slice(1),
                  stage: "decode",
                  reason: "not_finite",
                  decoder: "memory",
                  position_seconds: position / rate
                })
              )
            )
            assert.deepStrictEqual(planar(packets, 1)[0], tracks[path]!.signal[0]!.slice(0, position))
          }
        })
      )
    )
  }

  it.effect("what was decoded before a fault is delivered before the stream fails", () =>
    run(
      Effect.gen(function* () {
        const packets: Array<PcmPacket> = []
        const error = yield* Effect.flip(
          Effect.scoped(
            Effect.flatMap(open({ path: "/broken", plan: planOf({}), startFrame: 0 }), (rendering) =>
              Stream.runForEach(rendering.packets, (packet) => Effect.sync(() => packets.push(packet)))
            )
          )
        )
        assert.strictEqual(error.reason, "corrupt")
        assert.deepStrictEqual(planar(packets, 1)[0], tracks["/broken"]!.signal[0]!.slice(0, 20_001))
      })
    )
  )

  it.effect("says once what of the file is damaged, at the rate that is delivered", () =>
    run(
      Effect.gen(function* () {
        const told = (packets: ReadonlyArray<PcmPacket>) => packets.flatMap(({ loss }) => loss ?? [])
        assert.deepStrictEqual(told(yield* packetsOf("/damaged", null)), [{ from: 2205, frames: 4410 }])
        const resampled = yield* packetsOf("/damaged", null, 0, { sampleRate: 44_100 })
        assert.deepStrictEqual(told(resampled), [{ from: 4410, frames: 8820 }])
        assert.deepStrictEqual(told(yield* packetsOf("/left", null)), [])
      })
    )
  )

  it.scoped("says nothing of damage before the start that is read but not heard, and tells what comes later", () =>
    Effect.gen(function* () {
      const seconds = 12
      const signal = [whiteNoise(44_100, seconds, -20, 6)]
      const path = writeAudioFile(yield* temporaryFolder, "a", "flac16", signal, { sampleRate: 44_100 })
      const bytes = readFileSync(path)
      for (const second of [4, 9]) {
        const at = Math.floor((bytes.length * second) / seconds)
        bytes.fill(0x55, at, at + 20)
      }
      writeFileSync(path, bytes)
      const told = (packets: ReadonlyArray<PcmPacket>) => packets.flatMap(({ loss }) => loss ?? [])
      for (const sampleRate of [44_100, 48_000] as const) {
        const [early] = told(yield* packetsOf(path, busy, 0, { sampleRate }))
        assert.closeTo(early!.from / sampleRate, 4, 0.3)
        const [late, ...others] = told(yield* packetsOf(path, busy, 6 * sampleRate, { sampleRate }))
        assert.closeTo(late!.from / sampleRate, 9, 0.3)
        assert.deepStrictEqual(others, [])
        assert.deepStrictEqual(told(yield* packetsOf(path, busy, 10 * sampleRate, { sampleRate })), [])
      }
    }).pipe(Effect.provide(rendererLayer.pipe(Layer.provide(AudioDecoderNodeAv.layer))))
  )

  it.effect("setPlan glides from what is rendered next on", () =>
    run(
      Effect.scoped(
        Effect.gen(function* () {
          const rendering = yield* open({ path: "/left", plan: planOf({}), startFrame: 0 })
          const peaks: Array<number> = []
          yield* Stream.runForEach(rendering.packets, ({ sampleOffset, samples }) => {
            peaks.push(samples.reduce((peak, x) => Math.max(peak, Math.abs(x)), 0))
            return sampleOffset === 0 ? rendering.setPlan(planOf({ gain_db: -20 }), 0.5) : Effect.void
          })
          assert.closeTo(peaks[0]!, 0.501, 0.002)
          assert.isBelow(peaks[2]!, peaks[1]!)
          assert.isBelow(peaks[3]!, peaks[2]!)
          assert.closeTo(peaks[4]!, 0.0501, 0.002)
        })
      )
    )
  )

  it.effect("an unknown file is refused when it is opened", () =>
    run(
      Effect.gen(function* () {
        const error = yield* Effect.flip(packetsOf("/nowhere", busy))
        assert.strictEqual(error.reason, "missing")
      })
    )
  )
})

describe("ChunkMasteringTransparent", () => {
  it.effect("delivers the file's own samples in the same packets and records the plans", () =>
    Effect.gen(function* () {
      const plain = yield* run(packetsOf("/song", null, 123))
      const rendering = yield* open({ path: "/song", plan: busy, startFrame: 123 })
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Stream.runCollect(rendering.packets)), plain)
      yield* rendering.setPlan(neutral, 2)
      assert.deepStrictEqual(yield* Transparent.RecordedPlans, [
        { call: "open", request: { path: "/song", plan: busy, startFrame: 123 } },
        { call: "setPlan", plan: neutral, glideSeconds: 2 }
      ])
    }).pipe(Effect.scoped, Effect.provide(Transparent.layer.pipe(Layer.provide(AudioDecoderMemory.layer(tracks)))))
  )
})
