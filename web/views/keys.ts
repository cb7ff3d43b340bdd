/** The keys of the page. */
import type { Player } from "../playback/Player.ts"
import { h } from "./dom.ts"
import { seekStepSeconds } from "./TransportBar.ts"

const volumeStep = 0.05

const keyWords: ReadonlyArray<readonly [key: string, words: string]> = [
  ["Space", "Play or pause"],
  ["E", "Enhanced or original, at the same sample"],
  ["N", "Next track"],
  ["P", "Previous track, or back to the beginning"],
  ["\u2190 \u2192", `${seekStepSeconds} seconds back or forward`],
  ["\u2191 \u2193", "Louder or softer; in a list, up and down"],
  ["/", "Search"],
  ["?", "These keys"]
]

/** A key means this control, not the page. */
const isTakenBy = (element: Element | null, key: string): boolean => {
  if (element === null) return false
  const isTyping = element.matches("input:not([type=range], [type=checkbox], [type=radio]), select, textarea")
  if (isTyping) return true
  if (key === " ") return element.matches("button, input, summary, a")
  if (key.startsWith("Arrow")) return element.matches("input, [role=slider]") || element.closest("[role=list]") !== null
  return false
}

export const listenToKeys = (
  player: Player,
  page: { readonly search: HTMLInputElement; readonly help: HTMLDialogElement }
): void => {
  const { help, search } = page
  help
    .querySelector("dl")
    ?.append(...keyWords.flatMap(([key, words]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, words)]))
  const step = (seconds: number) => player.seek(player.state.position + seconds)
  const actions: Record<string, () => void> = {
    " ": () => player.toggle(),
    e: () => player.toggleSource(),
    n: () => player.next(),
    p: () => player.previous(),
    ArrowLeft: () => step(-seekStepSeconds),
    ArrowRight: () => step(seekStepSeconds),
    ArrowUp: () => player.setVolume(player.state.volume + volumeStep),
    ArrowDown: () => player.setVolume(player.state.volume - volumeStep),
    "/": () => search.focus(),
    "?": () => help.showModal()
  }
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented || help.open) return
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
    const action = actions[key]
    if (action === undefined || isTakenBy(document.activeElement, key)) return
    event.preventDefault()
    action()
  })
  // A button that was clicked with the mouse does not keep the space bar for itself.
  document.addEventListener("click", (event) => {
    if (event.detail === 0 || !(event.target instanceof Element)) return
    event.target.closest<HTMLElement>("button, a")?.blur()
  })
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape") search.blur()
  })
}
