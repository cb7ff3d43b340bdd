/** Albums, artists and tracks: search, sort, scan, and what is in an album or by an artist. */
import { type AlbumSort, albumSorts, api, ApiError, type TrackSort, trackSorts } from "../library/api.ts"
import { PagedSource } from "../library/PagedSource.ts"
import type { Album, Artist, ScanStatus, ServiceStatus, Track } from "../library/Track.ts"
import type { Player } from "../playback/Player.ts"
import { clock, counted } from "../words.ts"
import { cover } from "./cover.ts"
import { h, setAttribute, setText } from "./dom.ts"
import { icon } from "./icons.ts"
import { emptyListWords, isBeingRead, scanSentence, unreadableSentence } from "./readingWords.ts"
import type { LibraryRoute } from "./route.ts"
import { type ListLayout, VirtualList } from "./VirtualList.ts"

const rowHeight = 56
const rows = (): ListLayout => ({ columns: 1, rowHeight, gap: 0 })
const cards = (width: number): ListLayout => {
  const gap = 16
  const columns = Math.max(2, Math.floor((width + gap) / (168 + gap)))
  return { columns, rowHeight: Math.floor((width - gap * (columns - 1)) / columns) + 52, gap }
}
const artistCards = (width: number): ListLayout => ({
  columns: Math.max(1, Math.floor(width / 280)),
  rowHeight: 64,
  gap: 8
})

const searchDelayMs = 200
const scanPollMs = { running: 1000, resting: 20_000 }
/** Of a list that is played: so many before and after the chosen one make the queue. */
const queueBefore = 50
const queueAfter = 200

const sortTitles: Record<TrackSort | AlbumSort, string> = {
  artist: "Artist",
  album: "Album",
  title: "Title",
  added: "Newest",
  duration: "Duration",
  year: "Year"
}

const fingerprintTitles: Record<Track["fingerprint"], string> = {
  ready: "Measured",
  pending: "Not measured yet",
  analyzing: "Being measured",
  failed: "Could not be measured"
}

export class LibraryView {
  readonly element: HTMLElement
  readonly #player: Player
  readonly #title = h("h2", { tabindex: -1 })
  readonly #subtitle = h("p", { class: "subtitle", role: "status" })
  readonly #art = h("div", { class: "art" })
  readonly #actions = h("div", { class: "actions" })
  readonly #sort = h("select", { id: "sort", "aria-label": "Sort by" })
  readonly #sortField = h("label", { class: "sort" }, h("span", {}, "Sort by"), this.#sort)
  readonly #body = h("div", { class: "list" })
  /** In place of a list that has nothing in it. */
  readonly #nothing = h("div", { class: "empty" })
  readonly #scan = h("p", { class: "scan", role: "status" })
  readonly #scanButton = h(
    "button",
    { type: "button", class: "quiet", "aria-label": "Scan", onclick: () => void this.#startScan() },
    icon("refresh"),
    // Left out where it is narrow: the picture says it.
    h("span", {}, "Scan")
  )
  /** Which files cannot be read, and why: loaded when it is opened. */
  readonly #unreadableLabel = h("summary", {})
  readonly #unreadableList = h("ul", {})
  readonly #unreadable = h(
    "details",
    { class: "unreadable", ontoggle: () => void this.#showUnreadable() },
    this.#unreadableLabel,
    this.#unreadableList
  )
  #route: LibraryRoute = { view: "albums" }
  #search = ""
  #searchTimer: ReturnType<typeof setTimeout> | undefined
  #sorts: { tracks: TrackSort; albums: AlbumSort } = { tracks: "artist", albums: "artist" }
  #source: PagedSource<Track> | PagedSource<Album> | PagedSource<Artist> | undefined
  #list: Pick<VirtualList<never>, "element" | "refresh" | "close"> | undefined
  /** Shows in the list what its source has now. */
  #present = (): void => {}
  #playing: number | undefined
  #lastScan: ScanStatus | undefined
  #status: ServiceStatus | undefined
  #unreadableCount = 0

  constructor(player: Player) {
    this.#player = player
    this.#sort.addEventListener("change", () => this.#sortBy(this.#sort.value))
    this.element = h(
      "section",
      { class: "library", "aria-label": "Library" },
      h(
        "header",
        { class: "heading" },
        this.#art,
        h("div", { class: "titles" }, this.#title, this.#subtitle),
        this.#actions,
        this.#sortField
      ),
      this.#body,
      h("footer", { class: "scan-line" }, this.#scan, this.#unreadable, this.#scanButton)
    )
    void this.#pollScan()
  }

  show(route: LibraryRoute): void {
    this.#route = route
    this.#reload()
  }

  search(text: string): void {
    clearTimeout(this.#searchTimer)
    this.#searchTimer = setTimeout(() => {
      if (this.#search === text) return
      this.#search = text
      this.#reload()
    }, searchDelayMs)
  }

  focusTitle(): void {
    this.#title.focus({ preventScroll: true })
  }

  /** Which track is heard: it is marked. */
  mark(trackId: number | undefined): void {
    if (trackId === this.#playing) return
    this.#playing = trackId
    this.#list?.refresh()
  }

  #sortBy(value: string): void {
    if (this.#route.view === "albums") this.#sorts.albums = value as AlbumSort
    else this.#sorts.tracks = value as TrackSort
    this.#reload()
  }

  #reload(): void {
    this.#source?.close()
    this.#list?.close()
    const route = this.#route
    const search = this.#search
    this.#actions.replaceChildren()
    this.#art.replaceChildren()
    if (route.view === "albums") {
      const sort = this.#sorts.albums
      this.#showSorts(albumSorts, sort)
      setText(this.#title, "Albums")
      this.#begin(
        new PagedSource(
          (page) => api.albums({ search, sort }, page),
          () => this.#changed()
        ),
        new VirtualList<Album>({ label: "Albums", layout: cards, render: (album) => this.#albumCard(album) })
      )
    } else if (route.view === "artists") {
      this.#showSorts([], "")
      setText(this.#title, "Artists")
      this.#begin(
        new PagedSource(
          (page) => api.artists({ search }, page),
          () => this.#changed()
        ),
        new VirtualList<Artist>({ label: "Artists", layout: artistCards, render: (artist) => this.#artistCard(artist) })
      )
    } else {
      const isAlbum = route.view === "album"
      const sort = isAlbum ? "album" : this.#sorts.tracks
      this.#showSorts(isAlbum ? [] : trackSorts, sort)
      setText(this.#title, route.view === "tracks" ? "Tracks" : " ")
      const within =
        route.view === "album" ? { album_id: route.id } : route.view === "artist" ? { artist_id: route.id } : {}
      const source = new PagedSource<Track>(
        (page) => api.tracks({ search, sort, order: sort === "added" ? "desc" : "asc", ...within }, page),
        () => this.#changed()
      )
      this.#begin(
        source,
        new VirtualList<Track>({
          label: "Tracks",
          layout: rows,
          render: (track, index) => this.#trackRow(track, index, source, isAlbum)
        })
      )
    }
  }

  #begin<T extends Track | Album | Artist>(source: PagedSource<T>, list: VirtualList<T>): void {
    this.#source = source as PagedSource<Track> | PagedSource<Album> | PagedSource<Artist>
    this.#list = list
    this.#present = () => list.show(source, true)
    setText(this.#subtitle, "Loading \u2026")
    this.#body.replaceChildren(list.element)
    list.show(source)
  }

  /** What the list is of. */
  get #noun(): string {
    return this.#route.view === "albums" ? "album" : this.#route.view === "artists" ? "artist" : "track"
  }

  #changed(): void {
    const source = this.#source
    if (source === undefined) return
    if (source.failure !== undefined) return this.#showFailure(source.failure, () => source.retry())
    if (source.isLoading) return
    const list = this.#list?.element
    if (list !== undefined && this.#body.firstElementChild !== list) this.#body.replaceChildren(list)
    this.#present()
    const found = this.#search === "" ? "" : ` for \u201c${this.#search}\u201d`
    setText(this.#subtitle, `${counted(source.total, this.#noun)}${found}`)
    if (source.total === 0) this.#showEmpty()
    if (this.#route.view === "album" || this.#route.view === "artist") this.#showDetail(source as PagedSource<Track>)
  }

  #showSorts(sorts: ReadonlyArray<TrackSort | AlbumSort>, chosen: string): void {
    this.#sortField.hidden = sorts.length === 0
    this.#sort.replaceChildren(
      ...sorts.map((sort) => h("option", { value: sort, selected: sort === chosen }, sortTitles[sort]))
    )
  }

  #showDetail(source: PagedSource<Track>): void {
    const [first] = source.items
    if (first === undefined) return
    const isAlbum = this.#route.view === "album"
    const title = isAlbum ? (first.album ?? first.title) : (first.album_artist ?? first.artist ?? "Unknown artist")
    setText(this.#title, title)
    if (this.#art.childElementCount === 0) {
      const withArt = source.items.find((track) => track.has_art)
      this.#art.append(cover(title, withArt?.id ?? null))
      const play = () => this.#player.playTracks(source.items, 0)
      const queue = () => this.#player.enqueue(source.items)
      this.#actions.replaceChildren(
        h("button", { type: "button", class: "primary", onclick: play }, icon("play"), "Play"),
        h("button", { type: "button", onclick: queue }, icon("add"), "Add to queue")
      )
    }
    const seconds = source.items.reduce((sum, { duration }) => sum + duration, 0)
    const parts = [
      isAlbum ? (first.album_artist ?? first.artist) : undefined,
      isAlbum ? first.year : undefined,
      counted(source.total, "track"),
      source.items.length === source.total ? clock(seconds) : undefined
    ]
    setText(this.#subtitle, parts.filter((part) => part !== undefined && part !== null).join(" \u00b7 "))
  }

  /** Why there is nothing; nothing is counted of what is still being read. */
  #showEmpty(): void {
    const words = emptyListWords({
      view: this.#route.view,
      noun: this.#noun,
      search: this.#search,
      scan: this.#lastScan,
      status: this.#status,
      unreadable: this.#unreadableCount
    })
    if (isBeingRead(this.#lastScan)) setText(this.#subtitle, "Being read \u2026")
    this.#nothing.replaceChildren(...words.map((paragraph) => h("p", {}, paragraph)))
    if (this.#body.firstElementChild !== this.#nothing) this.#body.replaceChildren(this.#nothing)
  }

  #showFailure(failure: unknown, retry: () => void): void {
    const isMissing = failure instanceof ApiError && failure.status === 404
    const sentence = isMissing
      ? "This service has no such list. Its tracks are under Tracks."
      : failure instanceof Error
        ? failure.message
        : "The list could not be loaded."
    setText(this.#subtitle, "Not loaded")
    const again = h("button", { type: "button", onclick: retry }, icon("refresh"), "Try again")
    this.#body.replaceChildren(h("div", { class: "empty" }, h("p", { role: "alert" }, sentence), again))
  }

  // --- Items

  #albumCard(album: Album | undefined): HTMLElement {
    if (album === undefined) return h("div", { class: "card placeholder" }, h("span", { class: "cover" }))
    const { art_track_id, artist, id, title, year } = album
    const about = [artist ?? "Various artists", year].filter((part) => part !== null).join(" \u00b7 ")
    return h(
      "div",
      { class: "card" },
      h(
        "a",
        { href: `#/album/${encodeURIComponent(id)}` },
        cover(title, art_track_id),
        h("span", { class: "title" }, title),
        h("span", { class: "about" }, about)
      )
    )
  }

  #artistCard(artist: Artist | undefined): HTMLElement {
    if (artist === undefined) return h("div", { class: "artist placeholder" })
    const { albums, id, name, tracks } = artist
    return h(
      "div",
      { class: "artist" },
      h(
        "a",
        { href: `#/artist/${encodeURIComponent(id)}` },
        cover(name, null),
        h(
          "span",
          { class: "words" },
          h("span", { class: "title" }, name),
          h("span", { class: "about" }, `${counted(albums, "album")} \u00b7 ${counted(tracks, "track")}`)
        )
      )
    )
  }

  #trackRow(track: Track | undefined, index: number, source: PagedSource<Track>, isAlbum: boolean): HTMLElement {
    if (track === undefined) return h("div", { class: "track placeholder" }, h("span", { class: "bar" }))
    const isPlaying = track.id === this.#playing
    const play = () => {
      const first = isAlbum ? 0 : Math.max(0, index - queueBefore)
      this.#player.playTracks(source.items.slice(first, isAlbum ? undefined : index + queueAfter), index - first)
    }
    const artist = track.artist ?? "Unknown artist"
    const about = isAlbum ? artist : [artist, track.album].filter((part) => part !== null).join(" \u00b7 ")
    const state = fingerprintTitles[track.fingerprint]
    return h(
      "div",
      { class: `track${isPlaying ? " playing" : ""}` },
      h(
        "button",
        { type: "button", class: "play", "aria-current": isPlaying ? "true" : undefined, onclick: play },
        isAlbum
          ? h("span", { class: "number" }, String(track.track_number ?? index + 1))
          : cover(track.album ?? track.title, track.has_art ? track.id : null),
        h("span", { class: "words" }, h("span", { class: "title" }, track.title), h("span", { class: "about" }, about)),
        h(
          "span",
          { class: `measured ${track.fingerprint}`, title: state },
          h("span", { class: "hidden" }, `${state}, `)
        ),
        h("span", { class: "time" }, clock(track.duration))
      ),
      h(
        "button",
        {
          type: "button",
          class: "bare",
          title: "Add to queue",
          "aria-label": `Add ${track.title} to the queue`,
          onclick: () => this.#player.enqueue([track])
        },
        icon("add")
      )
    )
  }

  // --- Scan

  async #startScan(): Promise<void> {
    await api.startScan().catch((fault: Error) => setText(this.#scan, fault.message))
    void this.#pollScan()
  }

  #pollTimer: ReturnType<typeof setTimeout> | undefined

  async #pollScan(): Promise<void> {
    clearTimeout(this.#pollTimer)
    const [scan, status, unreadable] = await Promise.all([
      api.scan().catch((fault: unknown) => fault),
      api.status().catch(() => undefined),
      // A scan counts what is new to it only.
      api.unreadable(1).catch(() => undefined)
    ])
    this.#status = status
    this.#unreadableCount = unreadable?.total ?? 0
    const isKnown = !(scan instanceof Error)
    this.#scanButton.hidden = !isKnown
    if (isKnown) this.#showScan(scan as ScanStatus)
    else setText(this.#scan, "")
    const isReading = isKnown && isBeingRead(this.#lastScan)
    this.#pollTimer = setTimeout(() => void this.#pollScan(), isReading ? scanPollMs.running : scanPollMs.resting)
  }

  async #showUnreadable(): Promise<void> {
    if (!this.#unreadable.open) return
    const page = await api.unreadable(mostShown).catch(() => undefined)
    const more = page === undefined ? 0 : page.total - page.items.length
    const rows = page?.items.map((file) => h("li", {}, unreadableSentence(file))) ?? [
      h("li", {}, "The service does not say; try again.")
    ]
    this.#unreadableList.replaceChildren(
      ...rows,
      ...(more > 0 ? [h("li", {}, `And ${counted(more, "more file")}.`)] : [])
    )
  }

  #showScan(scan: ScanStatus): void {
    const before = this.#lastScan
    this.#lastScan = scan
    setAttribute(this.#scanButton, "disabled", scan.running ? "" : undefined)
    setText(this.#scan, scanSentence(scan, this.#status))
    setText(this.#unreadableLabel, `${counted(this.#unreadableCount, "file")} unreadable`)
    this.#unreadable.hidden = scan.running || this.#unreadableCount === 0
    const source = this.#source
    const isEmpty = source !== undefined && !source.isLoading && source.failure === undefined && source.total === 0
    const hasChanged = before !== undefined && (scan.added !== before.added || scan.updated !== before.updated)
    const hasEnded = before !== undefined && isBeingRead(before) && !isBeingRead(scan)
    // It was asked for before the scan came to what is there now.
    const isBehind = isEmpty && this.#search === "" && (this.#status?.tracks ?? 0) > 0
    if (hasChanged || hasEnded || isBehind) void source?.refresh()
    else if (isEmpty) this.#changed()
  }
}

/** Of the files that cannot be read. */
const mostShown = 100
