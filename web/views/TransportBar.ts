/** What plays, where it stands, and the buttons to steer it. */
import { drawWaveform } from "../pictures/drawWaveform.ts"
import type { Player } from "../playback/Player.ts"
import { clock, spokenTime } from "../words.ts"
import { cover } from "./cover.ts"
import { h, setAttribute, setDisabled, setText } from "./dom.ts"
import { icon, setIcon } from "./icons.ts"
import { sourceSwitch } from "./sourceSwitch.ts"
import type { TrackPictures } from "./TrackPictures.ts"

/** Waiting for less than this is not worth a word, ms. */
const patienceMs = 500
export const seekStepSeconds = 5
const pageSeconds = 30

export class TransportBar {
  readonly element: HTMLElement
  readonly #player: Player
  readonly #pictures: TrackPictures
  readonly #art = h("div", { class: "art" })
  readonly #title = h("p", { class: "title" }, "Nothing is playing")
  readonly #about = h("p", { class: "about" }, "Choose an album or a track.")
  readonly #state = h("p", { class: "hidden", role: "status" })
  readonly #previous = this.#button("previous", "Previous (P)", () => this.#player.previous())
  readonly #toggle = this.#button("play", "Play (space)", () => this.#player.toggle(), "round")
  readonly #next = this.#button("next", "Next (N)", () => this.#player.next())
  readonly #canvas = h("canvas", { "aria-hidden": "true" })
  readonly #seek = h(
    "div",
    {
      class: "waveform",
      role: "slider",
      tabindex: 0,
      "aria-label": "Position",
      "aria-valuemin": 0,
      "aria-valuemax": 0,
      "aria-valuenow": 0
    },
    this.#canvas
  )
  readonly #elapsed = h("span", { class: "time" }, "0:00")
  readonly #total = h("span", { class: "time" }, "0:00")
  readonly #volume = h("input", { type: "range", min: 0, max: 100, step: 1, "aria-label": "Volume" })
  readonly #switch
  #pointer: number | undefined
  #trackId: number | undefined
  #waitingSince: number | undefined

  constructor(player: Player, pictures: TrackPictures) {
    this.#player = player
    this.#pictures = pictures
    this.#switch = sourceSwitch(player)
    this.#volume.addEventListener("input", () => player.setVolume(this.#volume.valueAsNumber / 100))
    this.#listenToSeek()
    this.element = h(
      "footer",
      { class: "transport", "aria-label": "Player" },
      h("div", { class: "now" }, this.#art, h("div", { class: "words" }, this.#title, this.#about), this.#state),
      h("div", { class: "buttons" }, this.#previous, this.#toggle, this.#next),
      h("div", { class: "place" }, this.#elapsed, this.#seek, this.#total),
      this.#switch.element,
      h("label", { class: "volume", title: "Volume" }, icon("volume"), this.#volume)
    )
    new ResizeObserver(() => this.draw()).observe(this.#canvas)
  }

  #button(name: "previous" | "play" | "next", title: string, onclick: () => void, style = "bare"): HTMLButtonElement {
    return h(
      "button",
      { type: "button", class: style, title, "aria-label": title.replace(/ \(.*/, ""), onclick },
      icon(name)
    )
  }

  update(): void {
    const { duration, entry, position, status, volume } = this.#player.state
    const isActive = status === "playing" || status === "waiting"
    setIcon(this.#toggle, isActive ? "pause" : "play")
    setAttribute(this.#toggle, "aria-label", isActive ? "Pause" : "Play")
    setDisabled(this.#toggle, entry === undefined && this.#player.queue.entries.length === 0)
    setDisabled(this.#previous, entry === undefined)
    setDisabled(this.#next, !this.#player.hasNext)
    if (Math.round(100 * volume) !== this.#volume.valueAsNumber) this.#volume.value = String(Math.round(100 * volume))
    this.#switch.update()
    this.#showTrack()
    setText(this.#elapsed, clock(position))
    setText(this.#total, clock(duration))
    setAttribute(this.#seek, "aria-disabled", entry === undefined ? "true" : undefined)
    setAttribute(this.#seek, "aria-valuemax", String(Math.floor(duration)))
    setAttribute(this.#seek, "aria-valuenow", String(Math.floor(position)))
    setAttribute(this.#seek, "aria-valuetext", `${spokenTime(position)} of ${spokenTime(duration)}`)
  }

  #showTrack(): void {
    const { entry, isOnline, status } = this.#player.state
    const track = entry?.track
    if (status === "waiting") this.#waitingSince ??= performance.now()
    else this.#waitingSince = undefined
    const isLate = this.#waitingSince !== undefined && performance.now() - this.#waitingSince > patienceMs
    setText(this.#title, track?.title ?? "Nothing is playing")
    const about = [track?.artist ?? undefined, track?.album ?? undefined].filter((part) => part !== undefined)
    const waiting = isOnline ? "Loading the music \u2026" : "Waiting for the connection \u2026"
    const words = about.length === 0 ? "Unknown artist" : about.join(" \u00b7 ")
    setText(this.#about, track === undefined ? "Choose an album or a track." : isLate ? waiting : words)
    const said = status === "ended" ? `${track?.title ?? "The music"} has ended.` : isLate ? waiting : ""
    setText(this.#state, said)
    if (track?.id === this.#trackId) return
    this.#trackId = track?.id
    this.#art.replaceChildren(
      ...(track === undefined ? [] : [cover(track.album ?? track.title, track.has_art ? track.id : null)])
    )
    document.title = track === undefined ? "lathe" : `${track.title} \u2013 lathe`
  }

  /** Called for every picture, not for every change of the state. */
  draw(): void {
    const { duration, position } = this.#player.state
    drawWaveform(this.#canvas, {
      ...this.#pictures.waveforms,
      played: duration > 0 ? position / duration : 0,
      pointer: this.#pointer
    })
  }

  #listenToSeek(): void {
    const shareOf = (event: PointerEvent) => {
      const { left, width } = this.#seek.getBoundingClientRect()
      return Math.min(1, Math.max(0, (event.clientX - left) / width))
    }
    const at = (share: number) => share * this.#player.state.duration
    this.#seek.addEventListener("pointermove", (event) => {
      this.#pointer = shareOf(event)
      this.#seek.title = clock(at(this.#pointer))
      this.draw()
    })
    this.#seek.addEventListener("pointerleave", () => {
      this.#pointer = undefined
      this.draw()
    })
    this.#seek.addEventListener("pointerdown", (event) => this.#seek.setPointerCapture(event.pointerId))
    this.#seek.addEventListener("pointerup", (event) => this.#player.seek(at(shareOf(event))))
    this.#seek.addEventListener("keydown", (event) => {
      const { duration, position } = this.#player.state
      const targets: Record<string, number> = {
        ArrowRight: position + seekStepSeconds,
        ArrowUp: position + seekStepSeconds,
        ArrowLeft: position - seekStepSeconds,
        ArrowDown: position - seekStepSeconds,
        PageUp: position + pageSeconds,
        PageDown: position - pageSeconds,
        Home: 0,
        End: duration
      }
      const target = targets[event.key]
      if (target === undefined || event.altKey || event.ctrlKey || event.metaKey) return
      event.preventDefault()
      event.stopPropagation()
      this.#player.seek(target)
    })
  }
}
