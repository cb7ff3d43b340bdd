/** The balance of a plan as a curve: the gain of each of the seven bands, joined smoothly in octaves. */
import { svg } from "../views/dom.ts"
import { number, signed } from "../words.ts"
import { highestHz, lowestHz, placeOfFrequency } from "./drawSpectrum.ts"

/** Middles of the bands of docs/fingerprint.md, Hz. */
const bands = [
  { title: "Sub", hz: 35 },
  { title: "Bass", hz: 122 },
  { title: "Low mids", hz: 354 },
  { title: "Mids", hz: 1000 },
  { title: "Upper mids", hz: 2828 },
  { title: "Presence", hz: 4899 },
  { title: "Air", hz: 10_954 }
]

const width = 320
const height = 104
const middle = 44
/** At least this much is spanned either way, dB. */
const leastSpanDb = 3

/** Between the bands by half a cosine: level at each band's middle, no overshoot. */
const gainAt = (gainsDb: ReadonlyArray<number>, hz: number): number => {
  const next = bands.findIndex((band) => band.hz >= hz)
  if (next === 0) return gainsDb[0]!
  if (next < 0) return gainsDb.at(-1)!
  const [a, b] = [bands[next - 1]!, bands[next]!]
  const t = Math.log(hz / a.hz) / Math.log(b.hz / a.hz)
  return gainsDb[next - 1]! + (gainsDb[next]! - gainsDb[next - 1]!) * (0.5 - 0.5 * Math.cos(Math.PI * t))
}

export const balanceWords = (gainsDb: ReadonlyArray<number>): string =>
  gainsDb.every((gain) => Math.abs(gain) < 0.05)
    ? "Balance: level, nothing is moved."
    : `Balance: ${bands.map(({ title }, i) => `${title.toLowerCase()} ${signed(gainsDb[i]!, 1)} dB`).join(", ")}.`

export const balanceCurve = (gainsDb: ReadonlyArray<number>): SVGSVGElement => {
  const spanDb = Math.max(leastSpanDb, ...gainsDb.map(Math.abs))
  const x = (hz: number) => placeOfFrequency(hz) * width
  const y = (db: number) => middle - (db / spanDb) * (middle - 14)
  const points = Array.from({ length: 97 }, (_, i) => {
    const hz = lowestHz * (highestHz / lowestHz) ** (i / 96)
    return `${x(hz).toFixed(1)},${y(gainAt(gainsDb, hz)).toFixed(1)}`
  })
  return svg(
    "svg",
    { class: "curve", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": balanceWords(gainsDb) },
    svg("line", { class: "zero", x1: 0, x2: width, y1: middle, y2: middle }),
    svg("polygon", { class: "area", points: `0,${middle} ${points.join(" ")} ${width},${middle}` }),
    svg("polyline", { class: "trace", points: points.join(" ") }),
    ...bands.flatMap(({ hz, title }, i) => {
      const gain = gainsDb[i]!
      const anchor = i === 0 ? "start" : i === bands.length - 1 ? "end" : "middle"
      const at = i === 0 ? 2 : x(hz)
      return [
        svg("circle", { class: "knot", cx: x(hz).toFixed(1), cy: y(gain).toFixed(1), r: 2.5 }),
        svg(
          "text",
          { class: "gain", x: at, y: y(gain) + (gain >= 0 ? -6 : 13), "text-anchor": anchor },
          Math.abs(gain) < 0.05 ? "0" : number(gain, 1)
        ),
        svg("text", { class: "band", x: at, y: height - (i % 2 === 0 ? 14 : 3), "text-anchor": anchor }, title)
      ]
    })
  )
}
