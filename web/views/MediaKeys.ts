/** The system's own player controls: media keys, lock screen, notification. */
import { artUrl } from "../library/api.ts"
import type { Player } from "../playback/Player.ts"
import { seekStepSeconds } from "./TransportBar.ts"

/**
 * Browsers give media keys to a page with a media element that plays, not to one with Web Audio alone: so an element
 * plays silence for as long as the music plays. Ten seconds of 8 kHz, 8 bit.
 */
const silence = (): string => {
  const rate = 8000
  const length = 10 * rate
  const bytes = new Uint8Array(44 + length).fill(128, 44)
  const view = new DataView(bytes.buffer)
  const text = (at: number, word: string) => bytes.set(new TextEncoder().encode(word), at)
  text(0, "RIFF")
  view.setUint32(4, 36 + length, true)
  text(8, "WAVEfmt ")
  view.setUint32(16, 16, true)
  view.setUint16(20, 1, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, rate, true)
  view.setUint32(28, rate, true)
  view.setUint16(32, 1, true)
  view.setUint16(34, 8, true)
  text(36, "data")
  view.setUint32(40, length, true)
  return URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }))
}

export class MediaKeys {
  readonly #player: Player
  readonly #session = "mediaSession" in navigator ? navigator.mediaSession : undefined
  #element: HTMLAudioElement | undefined
  #trackId: number | undefined
  #positioned = 0

  constructor(player: Player) {
    this.#player = player
    const session = this.#session
    if (session === undefined) return
    const step = (by: number) => player.seek(player.state.position + by)
    session.setActionHandler("play", () => player.resume())
    session.setActionHandler("pause", () => player.pause())
    session.setActionHandler("stop", () => player.stop())
    session.setActionHandler("nexttrack", () => player.next())
    session.setActionHandler("previoustrack", () => player.previous())
    session.setActionHandler("seekforward", ({ seekOffset }) => step(seekOffset ?? seekStepSeconds))
    session.setActionHandler("seekbackward", ({ seekOffset }) => step(-(seekOffset ?? seekStepSeconds)))
    session.setActionHandler("seekto", ({ seekTime }) => seekTime !== undefined && player.seek(seekTime))
  }

  update(): void {
    const session = this.#session
    if (session === undefined) return
    const { duration, entry, position, status } = this.#player.state
    const isSounding = status === "playing" || status === "waiting"
    session.playbackState = isSounding ? "playing" : status === "paused" ? "paused" : "none"
    if (isSounding)
      void this.#sound()
        .play()
        .catch(() => {})
    else this.#element?.pause()
    const track = entry?.track
    if (track?.id !== this.#trackId) {
      this.#trackId = track?.id
      session.metadata =
        track === undefined
          ? null
          : new MediaMetadata({
              title: track.title,
              artist: track.artist ?? "",
              album: track.album ?? "",
              artwork: track.has_art ? [{ src: artUrl(track.id) }] : []
            })
    }
    // Between two calls the system counts on by itself.
    if (duration > 0 && Math.abs(position - this.#positioned) >= 1) {
      this.#positioned = position
      session.setPositionState({ duration, position: Math.min(duration, position), playbackRate: 1 })
    }
  }

  #sound(): HTMLAudioElement {
    if (this.#element === undefined) {
      this.#element = new Audio(silence())
      this.#element.loop = true
    }
    return this.#element
  }
}
