/** What the library's HTTP API says. */
export interface Track {
  readonly id: number
  readonly title: string
  readonly artist: string | null
  readonly album: string | null
  readonly album_artist: string | null
  readonly track_number: number | null
  readonly disc_number: number | null
  readonly year: number | null
  /** Seconds. */
  readonly duration: number
  readonly sample_rate: number
  readonly channels: number
  readonly has_art: boolean
  readonly fingerprint: "ready" | "pending" | "analyzing" | "failed"
  /** ISO 8601. */
  readonly added_at: string
}

export interface Album {
  readonly id: number | string
  readonly title: string
  readonly artist: string | null
  readonly year: number | null
  /** How many. */
  readonly tracks: number
  /** Seconds. */
  readonly duration: number
  readonly art_track_id: number | null
}

export interface Artist {
  readonly id: number | string
  readonly name: string
  readonly albums: number
  readonly tracks: number
}

export interface Page<T> {
  readonly items: ReadonlyArray<T>
  readonly next_cursor: string | null
  readonly total: number
}

export interface Waveform {
  readonly points: number
  /** Of each point, -1 to 1. */
  readonly min: ReadonlyArray<number>
  readonly max: ReadonlyArray<number>
}

export interface Spread {
  readonly tracks: number
  readonly dimensions: Readonly<
    Record<
      string,
      { readonly p10: number; readonly p50: number; readonly p90: number; readonly min: number; readonly max: number }
    >
  >
}

export interface Scan {
  readonly running: boolean
  readonly files_found: number
  readonly files_read: number
  readonly added: number
  readonly updated: number
  readonly unreadable: number
  readonly rate_per_second: number | null
  readonly finished_at: string | null
}

export interface Status {
  readonly version: string
  readonly tracks: number
  readonly fingerprints: {
    readonly ready: number
    readonly pending: number
    readonly analyzing: number
    readonly failed: number
  }
  readonly fingerprint_server: "available" | "unavailable"
  readonly streams_active: number
}

export interface Unreadable {
  readonly file: string
  readonly message: string
}
