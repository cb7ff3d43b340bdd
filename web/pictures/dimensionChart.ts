/** The 25 dimensions of a track as rows: value, unit, and its place in the library's spread. */
import type { DimensionName, Fingerprint } from "../../src/domain/fingerprint/Fingerprint.ts"
import { type Dimension, dimensionGroups, placeOf } from "../dimensions.ts"
import type { LibrarySpread } from "../library/Track.ts"
import { h } from "../views/dom.ts"
import { number } from "../words.ts"

/** Fewer tracks than this have no spread worth comparing with. */
const leastTracks = 3

type Range = NonNullable<LibrarySpread["dimensions"][DimensionName]>

const comparison = (value: number, { p10, p50, p90 }: Range): string => {
  if (value > p90) return "among the highest tenth"
  if (value < p10) return "among the lowest tenth"
  return value === p50
    ? "the library's middle"
    : value > p50
      ? "above the library's middle"
      : "below the library's middle"
}

const percent = (share: number) => `${(100 * share).toFixed(1)}%`

const scale = (dimension: Dimension, value: number, range: Range | undefined): HTMLElement => {
  const low = Math.min(range?.min ?? dimension.low, value)
  const high = Math.max(range?.max ?? dimension.high, value)
  const place = (x: number) => placeOf(dimension, x, low, high)
  const bar = h("span", { class: "scale", "aria-hidden": "true" })
  if (range !== undefined) {
    const span = h("span", { class: "span" })
    span.style.left = percent(place(range.p10))
    span.style.width = percent(Math.max(0.005, place(range.p90) - place(range.p10)))
    const median = h("span", { class: "median" })
    median.style.left = percent(place(range.p50))
    bar.append(span, median)
  }
  const mark = h("span", { class: "mark" })
  mark.style.left = percent(place(value))
  bar.append(mark)
  return bar
}

export const dimensionChart = (fingerprint: Fingerprint, spread: LibrarySpread | undefined): HTMLElement => {
  const isCompared = spread !== undefined && spread.tracks >= leastTracks
  const row = (dimension: Dimension) => {
    const value = fingerprint[dimension.name]
    const range = isCompared ? spread.dimensions[dimension.name] : undefined
    const isPulseless = dimension.name === "tempo" && value === 0
    return h(
      "tr",
      {},
      h(
        "th",
        { scope: "row" },
        dimension.title,
        dimension.range !== undefined && h("span", { class: "range" }, ` ${dimension.range}`)
      ),
      h(
        "td",
        { class: "value" },
        isPulseless ? "no pulse" : number(value, dimension.digits),
        " ",
        h("span", { class: "unit" }, isPulseless ? "" : dimension.unit)
      ),
      h(
        "td",
        { class: "place" },
        scale(dimension, value, range),
        range !== undefined && h("span", { class: "hidden" }, comparison(value, range))
      )
    )
  }
  return h(
    "div",
    { class: "dimensions" },
    h(
      "p",
      { class: "note" },
      isCompared
        ? `The band is the middle 80 % of ${spread.tracks.toLocaleString("en")} measured tracks, the tick their middle, the dot this track.`
        : "The dot is this track, on a usual scale. With more measured tracks it is compared with your library."
    ),
    ...dimensionGroups.map(({ dimensions, title }) =>
      h(
        "table",
        {},
        h("caption", {}, title),
        h(
          "thead",
          { class: "hidden" },
          h(
            "tr",
            {},
            h("th", { scope: "col" }, "Dimension"),
            h("th", { scope: "col" }, "Value"),
            h("th", { scope: "col" }, "Place in the library")
          )
        ),
        h("tbody", {}, ...dimensions.map(row))
      )
    )
  )
}
