/** ffmpeg's `ebur128` as a second opinion on true peak and loudness; absent, its tests are skipped. */
import { spawnSync } from "node:child_process"
import type { Signal } from "./signals.ts"

export const isFfmpegPresent = spawnSync("ffmpeg", ["-version"], { stdio: "ignore" }).status === 0

export interface FfmpegReading {
  /** Of all channels and frames, about 0.01 dB fine. */
  readonly truePeakDbtp: number
  /** 0.1 LU fine. */
  readonly integratedLufs: number
}

/** Pads with 0.2 s of silence on both sides: ffmpeg's resampler rings where a signal starts at full level. */
export const readWithFfmpeg = (signal: Signal, sampleRate: number): FfmpegReading => {
  const channels = signal.length
  const padding = Math.round(0.2 * sampleRate)
  const frames = signal[0]!.length + 2 * padding
  const interleaved = new Float32Array(frames * channels)
  for (const [c, channel] of signal.entries()) {
    for (let n = 0; n < channel.length; n++) interleaved[(n + padding) * channels + c] = channel[n]!
  }
  const input = ["-f", "f32le", "-ar", String(sampleRate), "-ac", String(channels), "-i", "pipe:0"]
  const meter = "ebur128=peak=true:metadata=1,ametadata=print:file=-"
  const { stderr, stdout } = spawnSync("ffmpeg", ["-nostats", ...input, "-af", meter, "-f", "null", "-"], {
    input: Buffer.from(interleaved.buffer),
    maxBuffer: 1 << 28
  })
  const peaks = [...String(stdout).matchAll(/true_peaks_ch\d+=([\d.]+)/g)].map((match) => Number(match[1]))
  const loudness = /Summary[\s\S]*?I:\s+(-?[\d.]+) LUFS/.exec(String(stderr))
  return { truePeakDbtp: 20 * Math.log10(Math.max(...peaks)), integratedLufs: Number(loudness?.[1]) }
}
