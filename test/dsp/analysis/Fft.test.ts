import { describe, expect, it } from "vitest"
import { hannWindow, makeFft, nearestPowerOfTwo } from "../../../src/dsp/analysis/Fft.ts"
import { makeRandom } from "../../support/signals.ts"

const largestError = (size: number): number => {
  const random = makeRandom(size)
  const re = Float64Array.from({ length: size }, () => 2 * random() - 1)
  const im = Float64Array.from({ length: size }, () => 2 * random() - 1)
  const fft = makeFft(size)
  fft.inRe.set(re)
  fft.inIm.set(im)
  fft.transform()
  let error = 0
  for (let k = 0; k < size; k++) {
    let sumRe = 0
    let sumIm = 0
    for (let n = 0; n < size; n++) {
      const angle = (-2 * Math.PI * ((k * n) % size)) / size
      sumRe += re[n]! * Math.cos(angle) - im[n]! * Math.sin(angle)
      sumIm += re[n]! * Math.sin(angle) + im[n]! * Math.cos(angle)
    }
    error = Math.max(error, Math.abs(sumRe - fft.outRe[k]!), Math.abs(sumIm - fft.outIm[k]!))
  }
  return error
}

describe("Fft", () => {
  it.each([4, 8, 16, 32, 64, 128, 256, 512, 1024])("equals the defining sum at size %i", (size) => {
    expect(largestError(size)).toBeLessThan(1e-11 * size)
  })

  it("gives the same result again: a transform leaves no state behind", () => {
    const fft = makeFft(64)
    const run = () => {
      fft.inRe.fill(0)
      fft.inIm.fill(0)
      fft.inRe[3] = 1
      fft.transform()
      return [...fft.outRe, ...fft.outIm]
    }
    expect(run()).toEqual(run())
  })
})

describe("hannWindow", () => {
  it("sums to one at half overlap and has no zero", () => {
    const window = hannWindow(64)
    for (let n = 0; n < 32; n++) expect(window[n]! + window[n + 32]!).toBeCloseTo(1, 14)
    expect(Math.min(...window)).toBeGreaterThan(0)
  })
})

describe("nearestPowerOfTwo", () => {
  it("chooses by distance", () => {
    expect([368, 507, 736, 1472, 2029, 2208, 4416].map(nearestPowerOfTwo)).toEqual([
      256, 512, 512, 1024, 2048, 2048, 4096
    ])
  })
})
