import { Data } from "effect"

/** Nothing may be written beside the music, as on a read-only medium, or under such a name: how it is, and no fault. */
export class FolderReadOnly extends Data.TaggedError("FolderReadOnly")<{
  readonly reason: "read_only" | "name_too_long"
}> {
  override get message(): string {
    return this.reason === "read_only"
      ? "The music folder is read-only: its fingerprints are kept in the database alone."
      : "Some names in this folder are too long for a sidecar: those fingerprints are kept in the database alone."
  }
}
