/** Tracks as a scan would have found them, for tests and benchmarks that need no files. */
import { noDetails, type TrackTags } from "../../src/domain/library/Track.ts"
import type { ScannedTrack } from "../../src/services/TrackRepo.ts"
import { fileVersion } from "./analyses.ts"

const someTags: TrackTags = {
  ...noDetails,
  title: "Title",
  artist: "Artist",
  duration: 200.5,
  sample_rate: 44_100,
  channels: 2,
  has_art: false
}

/** Its path is its title, below `/music`. */
export const someScanned = (tags: Partial<TrackTags> = {}): ScannedTrack => ({
  folder: "/music",
  relativePath: tags.title ?? someTags.title,
  version: fileVersion,
  tags: { ...someTags, ...tags }
})
