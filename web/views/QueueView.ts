/** What plays, what follows, and the buttons to change that. */
import type { Player } from "../playback/Player.ts"
import type { QueueEntry } from "../playback/Queue.ts"
import { clock, counted } from "../words.ts"
import { cover } from "./cover.ts"
import { h, setText } from "./dom.ts"
import { icon, type IconName } from "./icons.ts"

export class QueueView {
  readonly element: HTMLElement
  readonly #player: Player
  readonly #summary = h("p", { class: "subtitle", role: "status" })
  readonly #list = h("ol", { class: "queue-list" })
  readonly #clear: HTMLButtonElement
  #entries: ReadonlyArray<QueueEntry> | undefined
  #current: number | undefined

  constructor(player: Player) {
    this.#player = player
    this.#clear = h("button", { type: "button", onclick: () => player.clearQueue() }, "Clear")
    this.element = h(
      "section",
      { class: "queue", "aria-label": "Queue" },
      h(
        "header",
        { class: "heading" },
        h("div", { class: "titles" }, h("h2", {}, "Queue"), this.#summary),
        this.#clear
      ),
      this.#list
    )
  }

  update(): void {
    const { entries } = this.#player.queue
    const current = this.#player.state.entry?.key
    if (entries === this.#entries && current === this.#current) return
    this.#entries = entries
    this.#current = current
    const focused = document.activeElement as HTMLElement | null
    const focusKey = this.#list.contains(focused) ? focused?.dataset["focus"] : undefined
    const at = this.#player.queue.indexOf(current)
    const seconds = entries.slice(Math.max(0, at)).reduce((sum, { track }) => sum + track.duration, 0)
    setText(
      this.#summary,
      entries.length === 0
        ? "Empty. Play an album, or add tracks to it with +."
        : `${counted(entries.length, "track")}, ${clock(seconds)} to go`
    )
    this.#clear.hidden = entries.length === 0
    this.#list.replaceChildren(...entries.map((entry, index) => this.#item(entry, index, entry.key === current)))
    if (focusKey !== undefined) this.#list.querySelector<HTMLElement>(`[data-focus="${focusKey}"]`)?.focus()
  }

  #item({ key, track }: QueueEntry, index: number, isCurrent: boolean): HTMLElement {
    const { length } = this.#player.queue.entries
    const button = (name: IconName, title: string, isDisabled: boolean, onclick: () => void) =>
      h(
        "button",
        {
          type: "button",
          class: "bare",
          title,
          "aria-label": `${title}: ${track.title}`,
          "data-focus": `${name}-${key}`,
          disabled: isDisabled,
          onclick
        },
        icon(name)
      )
    return h(
      "li",
      { class: isCurrent ? "track playing" : "track" },
      h(
        "button",
        {
          type: "button",
          class: "play",
          "aria-current": isCurrent ? "true" : undefined,
          "data-focus": `play-${key}`,
          onclick: () => this.#player.playKey(key)
        },
        cover(track.album ?? track.title, track.has_art ? track.id : null),
        h(
          "span",
          { class: "words" },
          h("span", { class: "title" }, track.title),
          h("span", { class: "about" }, track.artist ?? "Unknown artist")
        ),
        h("span", { class: "time" }, clock(track.duration))
      ),
      button("up", "Move up", index === 0, () => this.#player.move(key, -1)),
      button("down", "Move down", index === length - 1, () => this.#player.move(key, 1)),
      button("close", "Remove", false, () => this.#player.remove(key))
    )
  }
}
