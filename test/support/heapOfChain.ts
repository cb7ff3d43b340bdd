/** By how much the heap grows while a mastering chain renders. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import type { RenderSettings } from "../../src/domain/mastering/MasteringPlan.ts"
import { assert } from "./assert.ts"

const heapGrowth = fileURLToPath(new URL("heapGrowth.ts", import.meta.url))

/**
 * Renders so many minutes of stereo several times over. A view a channel and block would be 130 kB a minute, one number
 * for each 32 samples of the grid 1 MB more: less than 300 kB a minute is allowed. The median leaves out a round in which
 * the compiler worked or the collector ran.
 */
export const assertAllocatesNothing = async (settings: RenderSettings, minutes: number): Promise<void> => {
  const words = [heapGrowth, JSON.stringify(settings), String(60 * minutes)]
  const { stdout } = await promisify(execFile)(process.execPath, words)
  const growths = (JSON.parse(stdout) as ReadonlyArray<number>).toSorted((a, b) => a - b)
  assert.isBelow(growths[growths.length >> 1]!, 300_000 * minutes)
  assert.isAbove(growths.at(-1)!, 0)
}
