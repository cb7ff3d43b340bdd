import { Data } from "effect"

/** Nothing may be written beside the music, as on a read-only medium: how the folder is, and no fault. */
export class FolderReadOnly extends Data.TaggedError("FolderReadOnly")<{}> {
  override get message(): string {
    return "The music folder is read-only: its fingerprints are kept in the database alone."
  }
}
