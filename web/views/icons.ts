/** Icons of 24 x 24, drawn with the colour of the text. */
import { svg } from "./dom.ts"

const paths = {
  play: "M8 5v14l11-7z",
  pause: "M7 5h4v14H7zM13 5h4v14h-4z",
  next: "M6 5l9 7-9 7zM16 5h2v14h-2z",
  previous: "M18 5l-9 7 9 7zM6 5h2v14H6z",
  volume:
    "M4 9v6h4l5 5V4L8 9zM16 8.5a5 5 0 010 7l-1.2-1.2a3.3 3.3 0 000-4.6zM18.4 6a8.5 8.5 0 010 12l-1.2-1.2a6.8 6.8 0 000-9.6z",
  queue: "M3 6h12v2H3zM3 11h12v2H3zM3 16h8v2H3zM17 11v7.2a2.5 2.5 0 11-2-2.4V6h5v2h-3z",
  add: "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z",
  up: "M12 7l6 6-1.4 1.4L12 9.8l-4.6 4.6L6 13z",
  down: "M12 17l-6-6 1.4-1.4 4.6 4.6 4.6-4.6L18 11z",
  close: "M6.4 5L12 10.6 17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4-5.6-5.6L6.4 19 5 17.6 10.6 12 5 6.4z",
  search: "M10 4a6 6 0 014.7 9.7l5 5-1.4 1.4-5-5A6 6 0 1110 4zm0 2a4 4 0 100 8 4 4 0 000-8z",
  sound: "M4 10h2v4H4zM8 6h2v12H8zM12 3h2v18h-2zM16 7h2v10h-2zM20 10h1.5v4H20z",
  album: "M12 3a9 9 0 110 18 9 9 0 010-18zm0 2a7 7 0 100 14 7 7 0 000-14zm0 4.5a2.5 2.5 0 110 5 2.5 2.5 0 010-5z",
  artist: "M12 4a4 4 0 110 8 4 4 0 010-8zM4 20c0-4 3.6-6.5 8-6.5s8 2.5 8 6.5z",
  track: "M9 5l11-2v13.2a3 3 0 11-2-2.8V7.4l-7 1.3v9.5a3 3 0 11-2-2.8z",
  back: "M14 6l1.4 1.4L10.8 12l4.6 4.6L14 18l-6-6z",
  refresh:
    "M12 5a7 7 0 016.3 4H16v2h6V5h-2v2.5A9 9 0 103 12h2a7 7 0 017-7zm7 7a7 7 0 01-11.9 5l-1.4 1.4A9 9 0 0021 12z",
  help: "M12 3a9 9 0 110 18 9 9 0 010-18zm-1 13v2h2v-2zm1-10a3.5 3.5 0 00-3.5 3.5h2a1.5 1.5 0 113 0c0 1.5-2.5 1.6-2.5 4.5h2c0-2 2.5-2.3 2.5-4.5A3.5 3.5 0 0012 6z",
  ready: "M9.5 17.5L4 12l1.4-1.4 4.1 4.1 9-9L20 7.1z"
} as const
export type IconName = keyof typeof paths

export const icon = (name: IconName): SVGSVGElement =>
  svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: paths[name] }))

export const setIcon = (button: Element, name: IconName): void => {
  const path = button.querySelector(".icon path")
  if (path !== null && path.getAttribute("d") !== paths[name]) path.setAttribute("d", paths[name])
}
