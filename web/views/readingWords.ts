/** What is said of the reading of the music folders: below a list, and in the place of one that is empty. */
import type { ScanStatus, ServiceStatus, UnreadableFile } from "../library/Track.ts"
import { counted } from "../words.ts"
import type { LibraryRoute } from "./route.ts"

const count = (value: number): string => value.toLocaleString("en")

/** More may come by itself: a scan runs, the first one has not begun, or nothing is known of it yet. */
export const isBeingRead = (scan: ScanStatus | undefined): boolean =>
  scan === undefined || scan.running || scan.finished_at === null

/** Below the list. Empty where there is nothing to say. */
export const scanSentence = (scan: ScanStatus, status: ServiceStatus | undefined): string => {
  if (scan.running) {
    const rate = scan.rate_per_second === null ? "" : `, ${Math.round(scan.rate_per_second)} a second`
    return `Scanning: ${count(scan.files_read)} of ${counted(scan.files_found, "file")} read${rate}.`
  }
  if (scan.finished_at === null) return "The music folders are about to be read."
  if (status === undefined || status.tracks === 0) return ""
  const { analyzing, pending, ready } = status.fingerprints
  const open = analyzing + pending
  return `${count(ready)} of ${counted(status.tracks, "track")} measured${open > 0 && analyzing > 0 ? ", more under way" : ""}.`
}

export interface EmptyList {
  readonly view: LibraryRoute["view"]
  readonly noun: string
  /** What was searched for; empty: nothing. */
  readonly search: string
  readonly scan: ScanStatus | undefined
  readonly status: ServiceStatus | undefined
  /** Files that cannot be read. */
  readonly unreadable: number
}

/** In place of a list that has nothing in it: why, and what to do. A paragraph each. */
export const emptyListWords = ({ noun, scan, search, status, unreadable, view }: EmptyList): ReadonlyArray<string> => {
  const hasTracks = (status?.tracks ?? 0) > 0
  const isReading = isBeingRead(scan) || (view === "tracks" && hasTracks)
  if (search !== "") {
    const sentence = `No ${noun} matches \u201c${search}\u201d.`
    return isReading ? [sentence, "Your music is still being read."] : [sentence]
  }
  if (isReading) {
    const found = scan?.files_found ?? 0
    const progress = found === 0 ? "." : `: ${count(scan?.files_read ?? 0)} of ${counted(found, "file")} so far.`
    return [`Your music is being read${progress}`, "What is found appears here."]
  }
  if (view === "album" || view === "artist") return [`This ${view} is not in the library any more.`]
  if (hasTracks) return [`No track names its ${noun}. All are under Tracks.`]
  const none =
    unreadable === 0
      ? "There is no music in the folders that lathe was started with."
      : "No music was found that can be read. Below is why."
  return [
    none,
    "Music that is put into the folders appears here by itself. To play another folder: lathe serve ~/Music"
  ]
}

/** Names the folder too, below the music folder: there may be many files of one name. */
export const unreadableSentence = ({ file, message, path }: UnreadableFile): string => {
  const folder = path.slice(0, -file.length - 1)
  return folder === "" ? message : `${message} (in ${folder})`
}
