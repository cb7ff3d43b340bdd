import { describe } from "@effect/vitest"
import { standsAnything, standsStorm } from "../support/protocolSuite.ts"

describe("Stream sessions", { timeout: 300_000 }, () => {
  for (const seed of [2, 3, 4, 5, 6]) standsAnything(seed, 2000)
  standsStorm(1000)
})
