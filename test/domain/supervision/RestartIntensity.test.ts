import { describe, it } from "@effect/vitest"
import { countRestart, type RestartTimes } from "../../../src/domain/supervision/RestartIntensity.ts"
import { assert } from "../../support/assert.ts"

/** Which of the restarts at these times, in ms, are too many. */
const tooMany = (intensity: number, periodSeconds: number, timesMs: ReadonlyArray<number>) => {
  let times: RestartTimes = []
  return timesMs.map((now) => {
    const counted = countRestart({ intensity, periodSeconds }, times, now)
    times = counted.times
    return counted.isTooMany
  })
}

describe("countRestart", () => {
  it("bears as many restarts as the intensity says within the period, and not one more", () => {
    assert.deepStrictEqual(tooMany(3, 5, [0, 1000, 2000, 3000]), [false, false, false, true])
  })

  it("bears none at all with an intensity of 0, and any number with an infinite one", () => {
    assert.deepStrictEqual(tooMany(0, 5, [0]), [true])
    assert.isFalse(
      tooMany(
        Infinity,
        5,
        Array.from({ length: 1000 }, () => 0)
      ).includes(true)
    )
  })

  it("forgets a restart as soon as more than the period has passed since", () => {
    assert.deepStrictEqual(tooMany(1, 5, [0, 5000]), [false, true])
    assert.deepStrictEqual(tooMany(1, 5, [0, 6000, 12_000, 17_000]), [false, false, false, true])
  })

  it("counts whole seconds, as OTP does", () => {
    assert.deepStrictEqual(tooMany(1, 1, [0, 1900]), [false, true])
    assert.deepStrictEqual(tooMany(1, 1, [900, 2000]), [false, false])
    assert.deepStrictEqual(tooMany(1, 1, [-1, 1999]), [false, false])
  })

  it("remembers no more than one period", () => {
    let times: RestartTimes = []
    for (let now = 0; now < 1_000_000; now += 500) {
      times = countRestart({ intensity: Infinity, periodSeconds: 2 }, times, now).times
    }
    assert.strictEqual(times.length, 6)
  })
})
