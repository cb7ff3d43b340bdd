/**
 * `npm run test:heavy`: what takes minutes, beside the quick form of it. `Pieces.heavy.ts` masters whole pieces where
 * `MasteringChain.test.ts` masters seconds; `MasteringChain.heavy.ts` renders ten minutes where that renders one, and so on.
 */
import { defineConfig } from "vitest/config"
import common from "../../vitest.config.ts"

// Not merged: that would add to what is included, and run all tests.
export default defineConfig({ ...common, test: { ...common.test, include: ["test/**/*.heavy.ts"] } })
