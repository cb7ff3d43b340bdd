/** The suite of real faults: some three minutes of music in real time, so not part of `npm test`. */
import { defineConfig } from "vitest/config"
import common from "../../vitest.config.ts"

// Not merged: that would add to what is included, and run all tests.
export default defineConfig({
  ...common,
  test: { ...common.test, include: ["test/faults/faults.ts", "test/faults/hostileFiles.ts"] }
})
