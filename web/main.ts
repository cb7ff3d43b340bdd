/** The page: puts player and views together. Protocol: docs/protocol.md; what it does: docs/player.md. */
import { AudioOutput } from "./audio/AudioOutput.ts"
import { Inspector, isInspected } from "./inspection.ts"
import { Player } from "./playback/Player.ts"
import { loadSettings, saveSettings } from "./settings.ts"
import { Banners } from "./views/Banners.ts"
import { icon } from "./views/icons.ts"
import { listenToKeys } from "./views/keys.ts"
import { LibraryView } from "./views/LibraryView.ts"
import { MediaKeys } from "./views/MediaKeys.ts"
import { QueueView } from "./views/QueueView.ts"
import { routeOf } from "./views/route.ts"
import { SoundView } from "./views/SoundView.ts"
import { TrackPictures } from "./views/TrackPictures.ts"
import { TransportBar } from "./views/TransportBar.ts"

const element = <Type extends HTMLElement>(id: string): Type => document.getElementById(id) as Type

const inspector = isInspected() ? new Inspector() : undefined
const pictures = new TrackPictures(() => changed())
const player = new Player(
  new URL("/ws", location.href.replace(/^http/, "ws")).href,
  (onMessage) => {
    const take = (message: Parameters<typeof onMessage>[0]) => {
      inspector?.take(message)
      onMessage(message)
    }
    return new AudioOutput(take, { inspect: inspector !== undefined })
  },
  loadSettings(),
  {
    onChange: () => changed(),
    onSamples: (source, track, offset, samples) => pictures.add(source, track, offset, samples),
    onSoundChanged: () => pictures.forgetEnhanced()
  }
)
inspector?.expose(player)

const transport = new TransportBar(player, pictures)
const library = new LibraryView(player)
const sound = new SoundView(player, pictures)
const queue = new QueueView(player)
const banners = new Banners(player, element("banners"))
const mediaKeys = new MediaKeys(player)
const search = element<HTMLInputElement>("search")
const help = element<HTMLDialogElement>("help")

element("main").append(library.element, sound.element, queue.element)
element("transport").replaceWith(transport.element)

// --- Changes: at most one look at the state for each picture of the screen.

let frame = 0
function changed(): void {
  // Not drawn while the page is hidden: then it is made up for later, but what is loaded is loaded.
  if (frame === 0) frame = requestAnimationFrame(update)
}

let wasMeasured = false
const update = (): void => {
  frame = 0
  const { entry, fingerprint, plan } = player.state
  pictures.show(entry?.track)
  const isMeasured = plan?.source === "fingerprint" && fingerprint?.status === "complete"
  if (isMeasured && !wasMeasured) pictures.load()
  wasMeasured = isMeasured
  player.setOriginalLufs(pictures.analysis?.fingerprint.lufs)
  transport.update()
  transport.draw()
  sound.update()
  queue.update()
  banners.update()
  mediaKeys.update()
  library.mark(entry?.track.id)
  saveSettings(player.state)
  animate()
}

// --- Moving pictures: only while there is sound, and calmly where motion is not wanted.

const calm = matchMedia("(prefers-reduced-motion: reduce)")
const readingsMs = 250
const framesMs = () => (calm.matches ? 500 : 33)
let animation = 0
let drawnAt = 0
let readAt = 0

function animate(): void {
  if (animation === 0) animation = requestAnimationFrame(step)
}

const step = (now: number): void => {
  animation = 0
  if (now - drawnAt >= framesMs()) {
    drawnAt = now
    sound.draw()
  }
  if (now - readAt >= readingsMs) {
    readAt = now
    sound.showReadings()
  }
  if (player.state.status === "playing") animate()
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => changed())
addEventListener("resize", () => changed())

// --- Where one is

const showRoute = (): void => {
  const { library: view, pane } = routeOf(location.hash)
  document.body.dataset["pane"] = pane
  const current = pane === "library" ? view?.view : pane
  const shown = current === "album" ? "albums" : current === "artist" ? "artists" : current
  for (const link of document.querySelectorAll<HTMLElement>("nav a")) {
    if (link.dataset["view"] === shown) link.setAttribute("aria-current", "page")
    else link.removeAttribute("aria-current")
  }
  if (view !== undefined) library.show(view)
  else if (!isLibraryShown) library.show({ view: "albums" })
  isLibraryShown = true
  changed()
}
let isLibraryShown = false

addEventListener("hashchange", showRoute)
showRoute()

search.addEventListener("input", () => {
  // Searching is for the lists: what is in an album is in sight.
  if (document.body.dataset["pane"] !== "library" || /album\/|artist\//.test(location.hash)) location.hash = "#/tracks"
  library.search(search.value.trim())
})
search.form?.addEventListener("submit", (event) => {
  event.preventDefault()
  library.focusTitle()
})

const helpButton = element<HTMLButtonElement>("help-button")
helpButton.append(icon("help"))
helpButton.addEventListener("click", () => help.showModal())
listenToKeys(player, { search, help })
