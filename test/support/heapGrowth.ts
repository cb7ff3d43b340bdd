/**
 * `node heapGrowth.ts SETTINGS SECONDS`: renders so much stereo several times over and prints by how many bytes the heap
 * grew each time, as JSON. In a process of its own: a test runner's transformed modules and messages allocate as well.
 */
import type { RenderSettings } from "../../src/domain/mastering/MasteringPlan.ts"
import { makeMasteringChain } from "../../src/dsp/mastering/MasteringChain.ts"
import { music } from "./music.ts"

const sampleRate = 44_100
const blockFrames = 4096
const seconds = Number(process.argv[3])
/** The first ones are also the compiler's. */
const rounds = 6

const settings = JSON.parse(process.argv[2] ?? "{}") as RenderSettings
const song = music({ sampleRate, seconds: 1, seed: 5, bpm: 118, drumsDb: 0, driveDb: 6, peakDbfs: -0.2 })
const input = song.map((channel) => channel.slice(0, blockFrames))
const output = input.map(() => new Float32Array(blockFrames))
const chain = makeMasteringChain({ sampleRate, channels: 2, settings })

const growths = Array.from({ length: rounds }, () => {
  const before = process.memoryUsage().heapUsed
  for (let at = 0; at < seconds * sampleRate; at += blockFrames) chain.process(input, 0, output, 0, blockFrames)
  return process.memoryUsage().heapUsed - before
})
console.log(JSON.stringify(growths))
