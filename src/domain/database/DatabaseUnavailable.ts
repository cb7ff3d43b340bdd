import { Schema } from "effect"

/** How SQLite and the file system say so. */
const notPermitted = /readonly|unable to open|EACCES|EPERM|EROFS/

/** A database that cannot be opened: no database, damaged, locked, of a later version, or not permitted. */
export class DatabaseUnavailable extends Schema.TaggedError<DatabaseUnavailable>()("DatabaseUnavailable", {
  /** Its path. Said where the service is started, never to a client. */
  filename: Schema.String,
  /** The system's word for it. */
  detail: Schema.String
}) {
  override get message(): string {
    // A file that may not be touched cannot be moved away either.
    const advice = notPermitted.test(this.detail)
      ? "Make it and its folder writable for this user"
      : "Move it away to begin a new one"
    return `The database ${this.filename} cannot be opened (${this.detail}). ${advice}, or choose another folder with --data.`
  }
}
