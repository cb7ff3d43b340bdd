import { describe, expect, it } from "vitest"
import { channelWeights, makeLoudnessMeter } from "../../../src/dsp/analysis/LoudnessMeter.ts"
import { inBlocks, inSequence } from "../../support/musicSignals.ts"
import { onAll, type Signal, silence, sine } from "../../support/signals.ts"

const measure = (sampleRate: number, signal: Signal) => {
  const meter = makeLoudnessMeter(sampleRate, signal.length)
  const block = sampleRate / 10
  inBlocks(signal, block, (channels, length) => {
    if (length === block) meter.process(channels, length)
  })
  return meter.result()
}

const tones = (sampleRate: number, ...segments: ReadonlyArray<readonly [seconds: number, levelDbfs: number]>) =>
  onAll(2, inSequence(...segments.map(([seconds, level]) => sine(sampleRate, seconds, 1000, level))))

describe("integrated loudness, EBU Tech 3341", () => {
  const rate = 48_000
  it.each([
    ["1", [[20, -23]], -23],
    ["2", [[20, -33]], -33],
    [
      "3",
      [
        [10, -36],
        [60, -23],
        [10, -36]
      ],
      -23
    ],
    [
      "4",
      [
        [10, -72],
        [10, -36],
        [60, -23],
        [10, -36],
        [10, -72]
      ],
      -23
    ],
    [
      "5",
      [
        [20, -26],
        [20.1, -20],
        [20, -26]
      ],
      -23
    ]
  ] as const)("case %s", (_, segments, expected) => {
    expect(Math.abs(measure(rate, tones(rate, ...segments)).integratedLufs! - expected)).toBeLessThan(0.1)
  })

  it("case 6: five channels, with an LFE in between that does not count", () => {
    const at = (level: number) => sine(rate, 20, 1000, level)
    const signal = [at(-28), at(-28), at(-24), at(-10), at(-30), at(-30)]
    expect(Math.abs(measure(rate, signal).integratedLufs! + 23)).toBeLessThan(0.1)
  })
})

describe("integrated loudness", () => {
  it.each([22_050, 44_100, 96_000, 192_000])("of 997 Hz at -23 dBFS on both sides is -23 LUFS at %i Hz", (rate) => {
    // The standard's own point: 0 dBFS in one channel reads -3.01 LUFS.
    const { integratedLufs } = measure(rate, onAll(2, sine(rate, 2, 997, -23)))
    expect(Math.abs(integratedLufs! + 23)).toBeLessThan(rate < 32_000 ? 0.05 : 0.02)
  })

  it("of one channel is 3.01 LU below that of two", () => {
    const tone = sine(44_100, 2, 997, -20)
    const difference = measure(44_100, onAll(2, tone)).integratedLufs! - measure(44_100, onAll(1, tone)).integratedLufs!
    expect(difference).toBeCloseTo(3.0103, 3)
  })

  it("is null where nothing passes the absolute gate", () => {
    expect(measure(8000, onAll(2, silence(8000, 2))).integratedLufs).toBeNull()
    expect(measure(8000, onAll(2, sine(8000, 2, 997, -75))).integratedLufs).toBeNull()
  })

  it("weighs surrounds by 1.41 and leaves the LFE out", () => {
    expect(channelWeights(6)).toEqual([1, 1, 1, 0, 1.41, 1.41])
    expect(channelWeights(2)).toEqual([1, 1])
    expect(channelWeights(12)).toHaveLength(12)
  })
})

describe("loudness range, EBU Tech 3342", () => {
  const rate = 8000
  it.each([
    ["1", [-20, -30], 10],
    ["2", [-20, -15], 5],
    ["3", [-40, -20], 20],
    ["4", [-50, -35, -20, -35, -50], 15]
  ] as const)("case %s", (_, levels, expected) => {
    const signal = tones(rate, ...levels.map((level) => [20, level] as const))
    expect(Math.abs(measure(rate, signal).rangeLu - expected)).toBeLessThan(1)
  })

  it("is 0 for a steady tone and for less than three seconds", () => {
    expect(measure(rate, tones(rate, [10, -20])).rangeLu).toBeLessThan(0.01)
    expect(measure(rate, tones(rate, [2, -20])).rangeLu).toBe(0)
  })
})

describe("variation of short-term loudness", () => {
  it("is half the step of a track that spends half its time on either level", () => {
    const { variationLu } = measure(8000, tones(8000, [40, -20], [40, -30]))
    expect(Math.abs(variationLu - 5)).toBeLessThan(0.2)
  })

  it("leaves out what is 20 LU below", () => {
    expect(measure(8000, tones(8000, [40, -20], [40, -55])).variationLu).toBeLessThan(1.2)
  })
})
