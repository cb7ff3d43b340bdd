import { Equal, Hash } from "effect"
import { type TrackFile, versionText } from "../../domain/library/Track.ts"

/** One content of one track. */
export const contentIdOf = ({ track, version }: TrackFile): string => `${track.id} ${versionText(version)}`

/** A file by its content, whatever else is known of the track by now. */
export class FileContent implements Equal.Equal {
  readonly file: TrackFile
  readonly #id: string
  constructor(file: TrackFile) {
    this.file = file
    this.#id = contentIdOf(file)
  }
  [Equal.symbol](that: unknown): boolean {
    return that instanceof FileContent && that.#id === this.#id
  }
  [Hash.symbol](): number {
    return Hash.string(this.#id)
  }
}
