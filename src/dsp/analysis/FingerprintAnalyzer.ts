/**
 * The fingerprint of a track from its samples, in one pass: wires the kernels of this folder together. Definitions:
 * docs/fingerprint.md. Whatever the split of the input, the kernels see the same 100 ms blocks and the result has the
 * same bits. What grows with the track: one number per 100 ms and two per 10 ms.
 */
import type { Fingerprint, Measurements } from "../../domain/fingerprint/Fingerprint.ts"
import { makeKernels } from "../Kernels.ts"
import { isSupportedSampleRate } from "../../domain/audio/SampleRate.ts"
import { bandShares } from "./BandShares.ts"
import { makeBlockClock, maxBlockFrames } from "./BlockClock.ts"
import { makeBlockSums } from "./BlockSums.ts"
import { makeChroma } from "./Chroma.ts"
import { decimationFactor, makeDecimator } from "./Decimator.ts"
import { makeDynamicsMeter, silenceMeanSquare } from "./Dynamics.ts"
import { makeHarmonicPercussive } from "./HarmonicPercussive.ts"
import { makeLoudnessMeter } from "./LoudnessMeter.ts"
import { makeOnsetFlux } from "./OnsetFlux.ts"
import { countOnsets } from "./Onsets.ts"
import { makeSpectralShape } from "./SpectralShape.ts"
import { makeStereoField } from "./StereoField.ts"
import { makeStereoSpectrum, spectrumSegment } from "./StereoSpectrum.ts"
import { measureTempo } from "./Tempo.ts"
import { makeTruePeakMeter } from "./TruePeakMeter.ts"
import { makeYin } from "./Yin.ts"

/** BS.1770-4 needs one 400 ms block; half a second gives two, and enough segments for every median. */
export const minimumSeconds = 0.5

/** Beyond these levels the samples are no audio at full scale 1: integers taken for floats, or damage. */
const maximumLufs = 20
const maximumPeak = 1000

/** `harmonic_ratio` where nothing tells the two apart: too few segments for one full window. */
const evenlySplit = 0.5

export type AnalysisOutcome =
  | { readonly kind: "measured"; readonly fingerprint: Fingerprint; readonly measurements: Measurements }
  | { readonly kind: "too_short"; readonly seconds: number }
  /** Nothing above the absolute gate of -70 LUFS. */
  | { readonly kind: "silent" }
  /** The first sample that is NaN or infinite. */
  | { readonly kind: "not_finite"; readonly frame: number; readonly channel: number }
  /** Louder than +20 LUFS, or a sample beyond +60 dBFS. */
  | { readonly kind: "out_of_scale"; readonly peakDbfs: number }

export interface FingerprintAnalyzer {
  /** Planar blocks of any length, in order; full scale = 1. Never throws on values. Keeps nothing of the arrays. */
  readonly push: (channels: ReadonlyArray<Float32Array>, length: number) => void
  /** Ends the analysis. To be called once. */
  readonly finish: () => AnalysisOutcome
}

/** `sampleRate` in Hz, 8000 to 384000. More than two channels are in the order of WAVE: L R C LFE Ls Rs. */
export const makeFingerprintAnalyzer = (options: {
  readonly sampleRate: number
  readonly channels: number
}): FingerprintAnalyzer => {
  const { channels, sampleRate } = options
  if (!isSupportedSampleRate(sampleRate)) throw new RangeError(`a sample rate of ${sampleRate} Hz cannot be analysed`)
  const maxFrames = maxBlockFrames(sampleRate)
  const segment = spectrumSegment(sampleRate)
  const bins = segment / 2 + 1
  const binHz = sampleRate / segment

  const kernels = makeKernels()
  const sums = makeBlockSums(kernels, channels, maxFrames)
  const dynamics = makeDynamicsMeter(channels)
  const loudness = makeLoudnessMeter(kernels, sampleRate, channels)
  const truePeak = makeTruePeakMeter(kernels, sampleRate, channels, maxFrames)
  const stereo = makeStereoField()
  const shape = makeSpectralShape(kernels, bins, binHz)
  const separation = makeHarmonicPercussive(kernels, bins)
  const spectrum = makeStereoSpectrum(kernels, sampleRate, maxFrames, (power, meanSquare) => {
    separation.process(power)
    if (meanSquare >= silenceMeanSquare) shape.process(power)
  })
  const onsets = makeOnsetFlux(kernels, sampleRate, maxFrames)
  const factor = decimationFactor(sampleRate)
  const decimator = makeDecimator(kernels, factor, maxFrames)
  const yin = makeYin(kernels, sampleRate / factor, decimator.output.length)
  const chroma = makeChroma(kernels, sampleRate / factor, decimator.output.length)

  let frames = 0
  let fault: { readonly kind: "not_finite"; readonly frame: number; readonly channel: number } | undefined

  const firstNotFinite = (block: ReadonlyArray<Float32Array>, length: number) => {
    for (let i = 0; i < length; i++) {
      for (let c = 0; c < channels; c++) {
        if (!Number.isFinite(block[c]![i]!)) return { kind: "not_finite", frame: frames + i, channel: c } as const
      }
    }
    return undefined
  }

  const clock = makeBlockClock(kernels, sampleRate, channels, (block, length, complete) => {
    if (fault !== undefined) return
    sums.process(block, length)
    if (!dynamics.process(sums.levels(), length, complete)) {
      fault = firstNotFinite(block, length)
      return
    }
    frames += length
    if (complete) loudness.process(block, length)
    truePeak.process(block, length)
    stereo.process(sums.stereo(), length)
    spectrum.process(sums.left(), sums.right(), length)
    onsets.process(sums.mid, length)
    const decimated = decimator.process(sums.mid, length)
    yin.process(decimator.output, decimated)
    chroma.process(decimator.output, decimated)
  })

  const finish = (): AnalysisOutcome => {
    const outcome = conclude()
    kernels.release()
    return outcome
  }

  const conclude = (): AnalysisOutcome => {
    clock.finish()
    if (fault !== undefined) return fault
    const seconds = frames / sampleRate
    if (seconds < minimumSeconds) return { kind: "too_short", seconds }
    const { integratedLufs, rangeLu, variationLu } = loudness.result()
    const levels = dynamics.result()
    if (integratedLufs === null) return { kind: "silent" }
    const peakDbfs = 20 * Math.log10(levels.peak)
    if (integratedLufs > maximumLufs || levels.peak > maximumPeak) return { kind: "out_of_scale", peakDbfs }
    spectrum.finish()
    const balance = bandShares(spectrum.total, binHz)
    if (balance === null) return { kind: "silent" }
    const { centroidHz, flatness, rolloffHz } = shape.result()
    const { correlation, width } = stereo.result()
    const flux = onsets.result()
    const onsetCount = countOnsets(flux.full)
    const { bpm, stability } = measureTempo(kernels, flux)
    return {
      kind: "measured",
      fingerprint: {
        sub_bass_pct: balance.shares[0]!,
        bass_pct: balance.shares[1]!,
        low_mid_pct: balance.shares[2]!,
        mid_pct: balance.shares[3]!,
        upper_mid_pct: balance.shares[4]!,
        presence_pct: balance.shares[5]!,
        air_pct: balance.shares[6]!,
        lufs: integratedLufs,
        crest_db: levels.crestDb,
        bass_mid_ratio: balance.bassMidRatioDb,
        tempo: bpm,
        rhythm_stability: stability,
        transient_density: onsetCount / seconds,
        silence_ratio: levels.silenceRatio,
        spectral_centroid: centroidHz,
        spectral_rolloff: rolloffHz,
        spectral_flatness: flatness,
        harmonic_ratio: separation.result() ?? evenlySplit,
        pitch_stability: yin.stability(),
        chroma_energy: chroma.concentration(),
        dynamic_range_variation: levels.crestVariationDb,
        loudness_variation: variationLu,
        peak_consistency: levels.peakConsistency,
        stereo_width: width,
        phase_correlation: correlation
      },
      measurements: {
        duration_seconds: seconds,
        sample_rate: sampleRate,
        channels,
        sample_peak_dbfs: peakDbfs,
        true_peak_dbtp: 20 * Math.log10(truePeak.result()),
        loudness_range_lu: rangeLu,
        clipped_samples: levels.clippedSamples
      }
    }
  }

  return { push: clock.push, finish }
}
