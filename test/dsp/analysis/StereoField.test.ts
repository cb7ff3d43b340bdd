import { describe, it } from "vitest"
import { makeBlockSums } from "../../../src/dsp/analysis/BlockSums.ts"
import { makeDownmix } from "../../../src/dsp/analysis/Downmix.ts"
import { makeStereoField } from "../../../src/dsp/analysis/StereoField.ts"
import { makeKernels } from "../../../src/dsp/Kernels.ts"
import { assert } from "../../support/assert.ts"
import { inKernelBlocks } from "../../support/kernelBlocks.ts"
import { silence, sine, whiteNoise } from "../../support/signals.ts"

const measure = (left: Float32Array, right: Float32Array) => {
  const kernels = makeKernels()
  const sums = makeBlockSums(kernels, 2, 800)
  const field = makeStereoField()
  inKernelBlocks(kernels, [left, right], 800, (block, length) => {
    sums.process(block, length)
    field.process(sums.stereo(), length)
  })
  return field.result()
}

const noise = whiteNoise(8000, 10, -6, 1)

describe("width and correlation", () => {
  it("are 0 and 1 for the same signal on both sides", () => {
    assert.deepStrictEqual(measure(noise, noise), { width: 0, correlation: 1 })
  })

  it("are 1 and -1 for opposite signals", () => {
    const { correlation, width } = measure(
      noise,
      noise.map((v) => -v)
    )
    assert.strictEqual(width, 1)
    assert.closeTo(correlation, -1, 5e-13)
  })

  it("are 0.5 and 0 for independent signals", () => {
    const { correlation, width } = measure(noise, whiteNoise(8000, 10, -6, 2))
    assert.closeTo(width, 0.5, 0.005)
    assert.isBelow(Math.abs(correlation), 0.01)
  })

  it("are 0.5 and 0 for one side alone", () => {
    assert.deepStrictEqual(measure(noise, silence(8000, 10)), { width: 0.5, correlation: 0 })
  })

  it("keep a side signal 120 dB below the middle", () => {
    const faint = sine(8000, 10, 440, -120)
    const { width } = measure(
      Float32Array.from(noise, (v, i) => v + faint[i]!),
      noise
    )
    assert.isAbove(width, 1e-7)
    assert.isBelow(width, 2e-6)
  })

  it("are unmoved by a constant offset in one channel's correlation", () => {
    const { correlation } = measure(
      noise,
      noise.map((v) => v + 0.25)
    )
    assert.closeTo(correlation, 1, 5e-6)
  })
})

describe("Downmix", () => {
  it("puts centre and surrounds of 5.1 at -3 dB and leaves the LFE out", () => {
    const kernels = makeKernels()
    const downmix = makeDownmix(kernels, 6, 1)
    const signal = [1, 0.1, 0.01, 1000, 0.001, 0.0001].map((v) => Float32Array.of(v))
    inKernelBlocks(kernels, signal, 1, downmix.process)
    assert.closeTo(downmix.left()[0], 1 + Math.SQRT1_2 * 0.011, 5e-7)
    assert.closeTo(downmix.right()[0], 0.1 + Math.SQRT1_2 * 0.0101, 5e-7)
  })

  it("passes stereo as it is and mono to both sides", () => {
    const kernels = makeKernels()
    const stereo = makeDownmix(kernels, 2, 1)
    const [left, right] = [Float32Array.of(0.5), Float32Array.of(-0.25)]
    inKernelBlocks(kernels, [left, right], 1, stereo.process)
    assert.deepStrictEqual([stereo.left(), stereo.right()], [left, right])
    const mono = makeDownmix(kernels, 1, 1)
    inKernelBlocks(kernels, [left], 1, mono.process)
    assert.deepStrictEqual(mono.left(), left)
    assert.strictEqual(mono.left(), mono.right())
  })
})
