/** What users install, installed: fetches packages and takes a minute, so not part of `npm test`. */
import { defineConfig } from "vitest/config"
import common from "../../vitest.config.ts"

export default defineConfig({ ...common, test: { ...common.test, include: ["test/packaging/package.ts"] } })
