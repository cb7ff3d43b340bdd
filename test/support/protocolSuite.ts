/** What stream sessions stand from clients that say anything, or a great deal. */
import { it } from "@effect/vitest"
import { Effect } from "effect"
import { assert } from "./assert.ts"
import { fuzzProtocol } from "./protocolFuzz.ts"

/** As fast as it goes: nothing is waited for between them. */
const storm = (random: () => number) => {
  const kind = random()
  if (kind < 0.4) return JSON.stringify({ type: "play_enhanced", data: { track_id: 7, credits: 256 } })
  if (kind < 0.8) return JSON.stringify({ type: "seek", data: { position: random() * 25 } })
  return JSON.stringify({ type: "stop" })
}

export const standsAnything = (seed: number, count: number) =>
  it.effect(`stand anything that may be said to them: ${count} messages, seed ${seed}`, () =>
    Effect.gen(function* () {
      const report = yield* fuzzProtocol({ seed, count })
      assert.deepStrictEqual(report.faults, [])
      assert.isAbove(report.starts, count / 40)
      assert.isAbove(report.packets, count / 4)
      assert.isAbove(report.errors, count / 20)
    })
  )

export const standsStorm = (count: number) =>
  it.effect(`stand a storm of ${count} plays, seeks and stops`, () =>
    Effect.gen(function* () {
      const report = yield* fuzzProtocol({ seed: 1, count, clients: 1, say: storm })
      assert.deepStrictEqual(report.faults, [])
      assert.isAbove(report.starts, count / 10)
    })
  )
