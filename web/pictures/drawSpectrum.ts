/** Live spectra of both sources, 30 Hz to 18 kHz in octaves, levels in dB. */
import { pageColours, surfaceOf } from "./Canvas.ts"

export const lowestHz = 30
export const highestHz = 18_000
const lowestDb = -90
const highestDb = -12
/** Of the slope that is added so that music looks level, dB an octave above 1 kHz. */
const tiltDb = 3
const pointsPerOctave = 12

export const placeOfFrequency = (hz: number): number => Math.log2(hz / lowestHz) / Math.log2(highestHz / lowestHz)

const gridHz = [50, 100, 200, 500, 1000, 2000, 5000, 10_000]
const gridTitle = (hz: number) => (hz < 1000 ? String(hz) : `${hz / 1000}k`)

const bins = new Float32Array(4096)

export const drawSpectrum = (
  canvas: HTMLCanvasElement,
  analysers: { readonly enhanced: AnalyserNode; readonly original: AnalyserNode } | undefined
): void => {
  const surface = surfaceOf(canvas)
  if (surface === undefined) return
  const { context, height, width } = surface
  const colours = pageColours()
  context.font = "11px system-ui, sans-serif"
  context.textAlign = "center"
  for (const hz of gridHz) {
    const x = Math.round(placeOfFrequency(hz) * width) + 0.5
    context.strokeStyle = colours.line
    context.globalAlpha = 0.5
    context.beginPath()
    context.moveTo(x, 0)
    context.lineTo(x, height - 16)
    context.stroke()
    context.globalAlpha = 1
    context.fillStyle = colours.muted
    context.fillText(gridTitle(hz), x, height - 3)
  }
  if (analysers === undefined) return
  const floor = height - 18
  const trace = (analyser: AnalyserNode, colour: string, isFilled: boolean) => {
    analyser.getFloatFrequencyData(bins)
    const hzPerBin = analyser.context.sampleRate / analyser.fftSize
    const count = Math.ceil(Math.log2(highestHz / lowestHz) * pointsPerOctave)
    context.beginPath()
    for (let i = 0; i <= count; i++) {
      const hz = lowestHz * (highestHz / lowestHz) ** (i / count)
      const half = 2 ** (0.5 / pointsPerOctave)
      const first = Math.max(1, Math.floor(hz / half / hzPerBin))
      const last = Math.min(analyser.frequencyBinCount - 1, Math.max(first, Math.floor((hz * half) / hzPerBin)))
      let db = -Infinity
      for (let bin = first; bin <= last; bin++) db = Math.max(db, bins[bin]!)
      const tilted = db + tiltDb * Math.log2(hz / 1000)
      const share = Math.min(1, Math.max(0, (tilted - lowestDb) / (highestDb - lowestDb)))
      const x = (i / count) * width
      const y = floor - share * floor + 2
      if (i === 0) context.moveTo(x, y)
      else context.lineTo(x, y)
    }
    context.lineJoin = "round"
    context.lineWidth = 1.75
    context.strokeStyle = colour
    context.stroke()
    context.lineWidth = 1
    if (!isFilled) return
    context.lineTo(width, floor + 2)
    context.lineTo(0, floor + 2)
    context.globalAlpha = 0.12
    context.fillStyle = colour
    context.fill()
    context.globalAlpha = 1
  }
  trace(analysers.original, colours.original, true)
  trace(analysers.enhanced, colours.enhanced, false)
}
