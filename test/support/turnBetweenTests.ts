/**
 * A turn of the event loop after each test: the runner's answers are read in it. Without it, tests that only compute look, on
 * a busy machine, as if the runner had said nothing for its 60 s.
 */
import { setImmediate } from "node:timers/promises"
import { afterEach } from "vitest"

afterEach(() => setImmediate())
