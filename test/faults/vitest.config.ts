/** The suite of real faults: some three minutes of music in real time, so not part of `npm test`. */
import { defineConfig, mergeConfig } from "vitest/config"
import common from "../../vitest.config.ts"

export default mergeConfig(common, defineConfig({ test: { include: ["test/faults/faults.ts"] } }))
