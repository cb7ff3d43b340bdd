import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

// The processes that tests start, start faster with what earlier ones have compiled.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(new URL("gen/compile-cache", import.meta.url))

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "./test/support/built.ts",
    setupFiles: "./test/support/turnBetweenTests.ts",
    // Loading Effect takes longer than most tests: files that run in one process share it.
    isolate: false,
    reporters: ["default", "./test/support/ClosingLineReporter.ts"],
    silent: "passed-only",
    // One more than there are cores: many tests wait for processes and clocks.
    maxWorkers: availableParallelism() + 1,
    // And all until the end: ending an idle one that shares its modules ends the run (tinypool 1.1).
    minWorkers: availableParallelism() + 1,
    // Real files, processes and sockets: a stuck test fails by this bound instead of holding the run.
    testTimeout: 30_000,
    hookTimeout: 60_000
  }
})
