/** The tests of one room, for what is broken in its files: see run.ts, which names them. */
import { defineConfig } from "vitest/config"

const room = process.env["LATHE_MUTATED_ROOM"] ?? "domain"

export default defineConfig({ test: { include: [`test/${room}/**/*.test.ts`], testTimeout: 30_000 } })
