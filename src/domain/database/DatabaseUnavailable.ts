import { Schema } from "effect"

/** A database that cannot be opened: no database, damaged, locked, of a later version, or not permitted. */
export class DatabaseUnavailable extends Schema.TaggedError<DatabaseUnavailable>()("DatabaseUnavailable", {
  /** Its path. Said where the service is started, never to a client. */
  filename: Schema.String,
  /** The system's word for it. */
  detail: Schema.String
}) {
  override get message(): string {
    return `The database ${this.filename} cannot be opened (${this.detail}). Move it away to begin a new one, or choose another folder with --data.`
  }
}
