/** What went wrong, in a sentence, above the player: no connection, or the last fault. */
import type { Player } from "../playback/Player.ts"
import { h, setText } from "./dom.ts"
import { icon } from "./icons.ts"

/** A connection that is back sooner was not missed, ms. */
const patienceMs = 1500

export class Banners {
  readonly #player: Player
  readonly #offline = h("p", { class: "banner", role: "status", hidden: true })
  readonly #noticeText = h("span")
  readonly #notice: HTMLElement
  #offlineSince: number | undefined = performance.now()

  constructor(player: Player, parent: HTMLElement) {
    this.#player = player
    const dismiss = h(
      "button",
      { type: "button", class: "bare", "aria-label": "Dismiss", onclick: () => player.dismissNotice() },
      icon("close")
    )
    this.#notice = h("p", { class: "banner fault", role: "alert", hidden: true }, this.#noticeText, dismiss)
    parent.append(this.#offline, this.#notice)
    setInterval(() => this.update(), patienceMs / 3)
  }

  update(): void {
    const { isOnline, notice, status } = this.#player.state
    if (isOnline) this.#offlineSince = undefined
    else this.#offlineSince ??= performance.now()
    const isMissed = this.#offlineSince !== undefined && performance.now() - this.#offlineSince > patienceMs
    this.#offline.hidden = !isMissed
    const goesOn =
      status === "playing" || status === "waiting" ? " The music goes on where it was, once it is back." : ""
    if (isMissed) setText(this.#offline, `No connection to the service; trying again.${goesOn}`)
    this.#notice.hidden = notice === undefined
    if (notice !== undefined) setText(this.#noticeText, notice)
  }
}
