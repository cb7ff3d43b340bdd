/** The waveform of the original, and over it that of the enhanced sound as far as it is known. */
import { pageColours, surfaceOf } from "./Canvas.ts"
import type { WaveformPeaks } from "./WaveformPeaks.ts"

export interface WaveformPicture {
  readonly original: WaveformPeaks | undefined
  readonly enhanced: WaveformPeaks | undefined
  /** 0 to 1. */
  readonly played: number
  /** Where the pointer is, 0 to 1. */
  readonly pointer: number | undefined
}

const barWidth = 2
const barGap = 1
/** What lies ahead, against what has been played. */
const aheadAlpha = 0.45

export const drawWaveform = (canvas: HTMLCanvasElement, picture: WaveformPicture): void => {
  const surface = surfaceOf(canvas)
  if (surface === undefined) return
  const { context, height, width } = surface
  const { enhanced, line, original, text } = pageColours()
  const middle = height / 2
  const step = barWidth + barGap
  const bars = Math.max(1, Math.floor(width / step))
  for (let bar = 0; bar < bars; bar++) {
    const from = bar / bars
    const to = (bar + 1) / bars
    context.globalAlpha = to <= picture.played ? 1 : aheadAlpha
    const before = picture.original?.between(from, to)
    const after = picture.enhanced?.between(from, to)
    const draw = (extremes: readonly [number, number], colour: string, inset: number) => {
      const top = Math.min(-0.5, -Math.min(1, extremes[1]) * middle)
      const bottom = Math.max(0.5, -Math.max(-1, extremes[0]) * middle)
      context.fillStyle = colour
      context.fillRect(bar * step + inset, middle + top, barWidth - 2 * inset, bottom - top)
    }
    if (before !== undefined) draw(before, original, 0)
    if (after !== undefined) draw(after, enhanced, 0)
    if (before === undefined && after === undefined) draw([0, 0], line, 0)
    // Where the enhanced sound is the larger one, the original stays to be seen in it.
    if (before !== undefined && after !== undefined && after[1] - after[0] > before[1] - before[0]) {
      context.globalAlpha *= 0.5
      draw(before, original, 0)
    }
  }
  context.globalAlpha = 1
  context.fillStyle = text
  if (picture.played > 0) context.fillRect(Math.round(picture.played * width) - 0.5, 0, 1.5, height)
  if (picture.pointer !== undefined) {
    context.globalAlpha = 0.5
    context.fillRect(Math.round(picture.pointer * width), 0, 1, height)
    context.globalAlpha = 1
  }
}
