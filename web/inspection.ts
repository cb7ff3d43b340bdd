/**
 * For tests: with `?inspect` in the address, `window.__lathe` keeps every sample that the audio thread has played, of
 * both sources and of what was heard, by its place on the timeline.
 */
import type { FromProcessor } from "./audio/messages.ts"
import type { Player } from "./playback/Player.ts"

type Inspected = Extract<FromProcessor, { readonly type: "inspection" }>

export interface Inspection {
  readonly player: Player
  /** Of the newest timeline, in order. */
  readonly blocks: ReadonlyArray<Inspected>
  /** One channel of the newest timeline as it was played; `position` is where it begins. */
  readonly channel: (what: "heard" | "enhanced" | "original", channel: number) => Array<number>
}

export const isInspected = (): boolean => new URLSearchParams(location.search).has("inspect")

export class Inspector {
  #blocks: Array<Inspected> = []

  take(message: FromProcessor): void {
    if (message.type !== "inspection") return
    if (this.#blocks[0] !== undefined && this.#blocks[0].generation !== message.generation) this.#blocks = []
    this.#blocks.push(message)
  }

  expose(player: Player): void {
    const blocks = () => this.#blocks
    const inspection: Inspection = {
      player,
      get blocks() {
        return blocks()
      },
      channel: (what, channel) => blocks().flatMap((block) => Array.from(block[what][channel]!))
    }
    Object.assign(window, { __lathe: inspection })
  }
}
