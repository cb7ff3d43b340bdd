/** The picture of a track or album; without one, its initial on a colour of its own. */
import { artUrl } from "../library/api.ts"
import { h } from "./dom.ts"

const hueOf = (text: string): number => {
  let hash = 0
  for (const character of text) hash = (hash * 31 + character.codePointAt(0)!) % 360
  return hash
}

const initialOf = (text: string): string => (/\p{L}|\p{N}/u.exec(text)?.[0] ?? "\u266a").toUpperCase()

export const cover = (title: string, artTrackId: number | null): HTMLElement => {
  const element = h("span", { class: "cover", "aria-hidden": "true" }, initialOf(title))
  element.style.setProperty("--hue", String(hueOf(title)))
  if (artTrackId !== null) {
    const image = h("img", { src: artUrl(artTrackId), alt: "", loading: "lazy", decoding: "async" })
    image.addEventListener("error", () => image.remove())
    element.append(image)
  }
  return element
}
