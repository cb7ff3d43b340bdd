/** Two files as a picture: their outlines one above the other, and their balance band by band. SVG, light and dark. */
import { bands, type TrackAnalysis } from "../domain/fingerprint/Fingerprint.ts"
import { type Peaks, resample } from "../dsp/Waveform.ts"

export interface Side {
  /** Name to show. */
  readonly file: string
  readonly analysis: TrackAnalysis
  readonly peaks: Peaks
}

/** Less power than this in a band says nothing about its level: what is quieter is shown as this. Percent. */
const leastShare = 0.001

/** Level of each band against the whole, dB. */
export const bandLevels = ({ fingerprint }: TrackAnalysis): ReadonlyArray<number> =>
  bands.map(({ name }) => 10 * Math.log10(Math.max(leastShare, fingerprint[name]) / 100))

export const bandLabel = (name: string): string => name.replace("_pct", "").replaceAll("_", " ")

const width = 800
const margin = 24
const outlineHeight = 120
const balanceHeight = 160
/** Of the balance's scale, dB. */
const lowestDb = -50
const columnsOfOutline = 752

const escape = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const outline = ({ analysis, file, peaks }: Side, name: "a" | "b", top: number): string => {
  const { max, min } = resample(peaks, columnsOfOutline)
  const middle = top + 20 + outlineHeight / 2
  const y = (sample: number) => (middle - (sample * outlineHeight) / 2).toFixed(1)
  const strokes = max.map((high, n) => `M${margin + n + 0.5} ${y(high)}V${y(min[n]!)}`).join("")
  const { crest_db, lufs } = analysis.fingerprint
  const words = `${file}: ${lufs.toFixed(1)} LUFS, crest ${crest_db.toFixed(1)} dB, ${analysis.measurements.true_peak_dbtp.toFixed(1)} dBTP`
  return `<text x="${margin}" y="${top + 12}">${escape(words)}</text><path class="${name}" d="${strokes}"/>`
}

const balance = (a: Side, b: Side, top: number): string => {
  const slot = (width - 2 * margin) / bands.length
  const bar = slot / 3
  const bottom = top + balanceHeight
  const heightOf = (db: number) => ((Math.max(lowestDb, db) - lowestDb) / -lowestDb) * (balanceHeight - 24)
  const levels = [bandLevels(a.analysis), bandLevels(b.analysis)] as const
  return bands
    .map(({ name }, n) => {
      const x = margin + n * slot
      const bars = (["a", "b"] as const).map((side, i) => {
        const height = heightOf(levels[i]![n]!)
        return `<rect class="${side}" x="${(x + i * bar).toFixed(1)}" y="${(bottom - height).toFixed(1)}" width="${(bar - 2).toFixed(1)}" height="${height.toFixed(1)}"/>`
      })
      const change = levels[1][n]! - levels[0][n]!
      const label = `${bandLabel(name)} ${change >= 0 ? "+" : ""}${change.toFixed(1)} dB`
      return `${bars.join("")}<text class="small" x="${x.toFixed(1)}" y="${bottom + 14}">${label}</text>`
    })
    .join("")
}

/** A whole SVG document. */
export const toSvg = (a: Side, b: Side): string => {
  const second = 20 + outlineHeight + 40
  const third = 2 * second + 10
  const height = third + balanceHeight + 30
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(a.file)} beside ${escape(b.file)}">
<style>
  svg { background: #fff; font: 13px system-ui, sans-serif }
  text { fill: #222 } .small { font-size: 10px }
  path { stroke-width: 1; fill: none } path.a { stroke: #7a7f87 } path.b { stroke: #0b7285 }
  rect.a { fill: #7a7f87 } rect.b { fill: #0b7285 }
  @media (prefers-color-scheme: dark) { svg { background: #16181c } text { fill: #e6e6e6 } path.b { stroke: #3bc9db } rect.b { fill: #3bc9db } }
</style>
${outline(a, "a", 16)}
${outline(b, "b", 16 + second - 20)}
${balance(a, b, third - 30)}
</svg>
`
}
