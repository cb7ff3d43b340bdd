/** What is written of a scanned file: the rows of its track, its album and its artist. */
import { dirname } from "node:path/posix"
import { foldWords, sortLast, sortText } from "../../domain/library/SearchText.ts"
import type { ScannedTrack } from "../../services/TrackRepo.ts"

/** The same name in another case, or with other punctuation, is the same. */
const keyOf = (name: string): string => foldWords(name) || name.toLowerCase()

/** The folder that holds the album's discs, where each has one of its own. */
const albumFolder = (relativePath: string): string => dirname(relativePath).replace(/(^|\/)(cd|dis[ck])[ _-]*\d+$/i, "")

/** What is searched: every word behind a space. */
const searchTextOf = (...names: ReadonlyArray<string | null>): string =>
  ` ${foldWords(names.filter(Boolean).join(" "))}`

/** Who a track is listed under. */
const artistOf = ({ tags }: ScannedTrack): string | null => tags.album_artist ?? tags.artist

/** The row of its artist; null where it names none. */
export const artistRecordOf = (scanned: ScannedTrack) => {
  const name = artistOf(scanned)
  return name === null ? null : { key: keyOf(name), name, name_sort: sortText(name), search_text: searchTextOf(name) }
}

/** The row of its album; null where it names none. */
export const albumRecordOf = ({ folder, relativePath, tags: { album, album_artist } }: ScannedTrack) => {
  if (album === null) return null
  const owner = album_artist === null ? `in ${folder}/${albumFolder(relativePath)}` : `by ${keyOf(album_artist)}`
  return {
    key: `${keyOf(album)}\n${owner}`,
    title: album,
    title_sort: sortText(album),
    title_text: searchTextOf(album)
  }
}

/** The row of the track, but for its ids and the time it was added. */
export const trackRecordOf = (scanned: ScannedTrack) => {
  const { folder, relativePath, version, tags } = scanned
  const text = (name: string | null) => (name === null ? sortLast : sortText(name))
  const number = (n: number | null) => String(n ?? 0).padStart(4, "0")
  const keyFrom = (...parts: ReadonlyArray<string>) => parts.join("\u0001")
  const [artist, album, title] = [text(artistOf(scanned)), text(tags.album), text(tags.title)]
  const place = [number(tags.disc_number), number(tags.track_number), title]
  return {
    folder,
    path: relativePath,
    ...version,
    ...tags,
    has_art: tags.has_art ? 1 : 0,
    artist_sort: keyFrom(artist, album, ...place),
    album_sort: keyFrom(album, artist, ...place),
    title_sort: keyFrom(title, artist),
    search_text: searchTextOf(tags.title, tags.artist, tags.album_artist, tags.album, tags.composer, tags.genre),
    present: 1
  }
}
