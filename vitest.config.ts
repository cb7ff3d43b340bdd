import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    reporters: ["default", "./test/support/ClosingLineReporter.ts"],
    silent: "passed-only",
    // All cores: vitest would leave one idle.
    maxWorkers: availableParallelism(),
    // Real files, processes and sockets: a stuck test fails by this bound instead of holding the run.
    testTimeout: 30_000,
    hookTimeout: 60_000
  }
})
