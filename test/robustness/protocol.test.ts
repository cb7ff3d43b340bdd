import { describe } from "@effect/vitest"
import { standsAnything, standsStorm } from "../support/protocolSuite.ts"

// Longer ones are in protocol.heavy.ts.
describe("Stream sessions", () => {
  standsAnything(1, 2000)
  standsStorm(200)
})
