/** What the library's HTTP API says: the types of its contract. */
import type { ServiceStatus } from "../../src/contract/ServiceStatus.ts"
import type { Waveform } from "../../src/contract/Waveform.ts"
import type { LibrarySpread } from "../../src/domain/fingerprint/LibrarySpread.ts"
import type { Album, Artist, ListedTrack, ScanStatus, UnreadableFile } from "../../src/domain/library/Library.ts"

export type { Album, Artist, LibrarySpread, ScanStatus, ServiceStatus, UnreadableFile, Waveform }

/** On the page every track is one of a list. */
export type Track = ListedTrack

export interface Page<T> {
  readonly items: ReadonlyArray<T>
  readonly next_cursor: string | null
  readonly total: number
}
