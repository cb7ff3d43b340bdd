/** What the address after `#` shows. */
export type LibraryRoute =
  | { readonly view: "albums" | "artists" | "tracks" }
  | { readonly view: "album" | "artist"; readonly id: string }

export type Pane = "library" | "sound" | "queue"

export interface Route {
  readonly pane: Pane
  /** Undefined with the other panes: the library stays where it is. */
  readonly library: LibraryRoute | undefined
}

export const routeOf = (hash: string): Route => {
  const [view, id] = hash.replace(/^#\/?/, "").split("/")
  switch (view) {
    case "sound":
    case "queue":
      return { pane: view, library: undefined }
    case "artists":
    case "tracks":
      return { pane: "library", library: { view } }
    case "album":
    case "artist":
      if (id) return { pane: "library", library: { view, id: decodeURIComponent(id) } }
      return { pane: "library", library: { view: "albums" } }
    default:
      return { pane: "library", library: { view: "albums" } }
  }
}
