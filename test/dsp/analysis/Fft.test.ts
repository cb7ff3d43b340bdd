import { describe, it } from "vitest"
import { hannWindow, makeComplexFft, nearestPowerOfTwo } from "../../../src/dsp/analysis/Fft.ts"
import { makeKernels } from "../../../src/dsp/Kernels.ts"
import { assert } from "../../support/assert.ts"
import { makeFft } from "../../support/reference/Fft.ts"
import { makeRandom } from "../../support/signals.ts"

describe("the reference transform", () => {
  it.each([4, 8, 16, 32, 64, 128, 256, 512, 1024])("equals the defining sum at size %i", (size) => {
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
    assert.isBelow(error, 1e-11 * size)
  })
})

/** Compiled and reference transform of the same windowed input; the error is relative to the root mean square. */
const compare = (size: number, sample: (n: number) => readonly [re: number, im: number], window: Float64Array) => {
  const kernels = makeKernels()
  const [re, im, w] = [kernels.float32(size), kernels.float32(size), kernels.float32(size)]
  w.set(window)
  for (let n = 0; n < size; n++) [re[n], im[n]] = sample(n)
  const fft = makeComplexFft(kernels, size)
  const inputs = [re.slice(), im.slice(), w.slice()]
  fft.transform(re.byteOffset, im.byteOffset, w.byteOffset)
  assert.deepStrictEqual([re, im, w], inputs)
  const reference = makeFft(size)
  for (let n = 0; n < size; n++) {
    reference.inRe[n] = re[n]! * w[n]!
    reference.inIm[n] = im[n]! * w[n]!
  }
  reference.transform()
  let power = 0
  let error = 0
  for (let k = 0; k < size; k++) {
    power += reference.outRe[k]! ** 2 + reference.outIm[k]! ** 2
    error = Math.max(
      error,
      Math.abs(fft.work[k]! - reference.outRe[k]!),
      Math.abs(fft.work[size + k]! - reference.outIm[k]!)
    )
  }
  return { fft, re, im, error: power === 0 ? error : error / Math.sqrt(power / size) }
}

const sizes = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384]

describe("ComplexFft", () => {
  it.each(sizes)("equals the reference in single precision at size %i", (size) => {
    const random = makeRandom(size)
    const { error } = compare(size, () => [2 * random() - 1, 2 * random() - 1], hannWindow(size))
    assert.isBelow(error, 2e-6)
  })

  it.each([16, 32, 2048])("transforms an impulse at any place, and silence, at size %i", (size) => {
    const ones = new Float64Array(size).fill(1)
    for (const at of [0, 1, 5, size / 2, size - 1]) {
      assert.isBelow(compare(size, (n) => (n === at ? [1, 0] : [0, 0]), ones).error, 1e-6)
      assert.isBelow(compare(size, (n) => (n === at ? [0, -1] : [0, 0]), ones).error, 1e-6)
    }
    assert.strictEqual(compare(size, () => [0, 0], ones).error, 0)
  })

  it("gives the energies before the window, and pads where the window is zero", () => {
    const random = makeRandom(1)
    const window = Float64Array.from({ length: 256 }, (_, n) => (n < 100 ? 1 : 0))
    const { error, fft, im, re } = compare(256, () => [random(), -random()], window)
    const energy = (x: Float32Array) => x.reduce((sum, v) => sum + v * v, 0)
    assert.isBelow(error, 2e-6)
    assert.closeTo(fft.energies[0]! / energy(re), 1, 5e-6)
    assert.closeTo(fft.energies[1]! / energy(im), 1, 5e-6)
  })

  it("gives the same result again: a transform leaves no state behind", () => {
    const kernels = makeKernels()
    const fft = makeComplexFft(kernels, 128)
    const ones = kernels.float32(128).fill(1)
    const [impulse, step] = [kernels.float32(128), kernels.float32(128).fill(1, 64)]
    impulse[3] = 1
    const run = (re: Float32Array) => {
      fft.transform(re.byteOffset, re.byteOffset, ones.byteOffset)
      return fft.work.slice(0, 256)
    }
    const first = run(impulse)
    run(step)
    assert.deepStrictEqual(run(impulse), first)
  })
})

describe("hannWindow", () => {
  it("sums to one at half overlap and has no zero", () => {
    const window = hannWindow(64)
    for (let n = 0; n < 32; n++) assert.closeTo(window[n]! + window[n + 32]!, 1, 5e-15)
    assert.isAbove(Math.min(...window), 0)
  })
})

describe("nearestPowerOfTwo", () => {
  it("chooses by distance", () => {
    assert.deepStrictEqual(
      [368, 507, 736, 1472, 2029, 2208, 4416].map(nearestPowerOfTwo),
      [256, 512, 512, 1024, 2048, 2048, 4096]
    )
  })
})
