/** The two buttons that switch between enhanced and original. */
import type { Source } from "../audio/PlayoutMixer.ts"
import type { Player } from "../playback/Player.ts"
import { h, setAttribute } from "./dom.ts"

export interface SourceSwitch {
  readonly element: HTMLElement
  readonly update: () => void
}

export const sourceSwitch = (player: Player): SourceSwitch => {
  const button = (source: Source, title: string) =>
    h(
      "button",
      { type: "button", class: source, title: `${title} (E switches)`, onclick: () => player.select(source) },
      title
    )
  const enhanced = button("enhanced", "Enhanced")
  const original = button("original", "Original")
  return {
    element: h(
      "div",
      { class: "source-switch", role: "group", "aria-label": "Which sound is heard" },
      enhanced,
      original
    ),
    update: () => {
      const { source } = player.state
      setAttribute(enhanced, "aria-pressed", String(source === "enhanced"))
      setAttribute(original, "aria-pressed", String(source === "original"))
    }
  }
}
