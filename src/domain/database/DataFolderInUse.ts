import { Schema } from "effect"

/** The service that a data folder belongs to for as long as it runs. */
export const DataFolderHolder = Schema.Struct({
  pid: Schema.Int,
  /** UTC, ISO 8601. */
  since: Schema.String,
  /** Music folders, absolute. */
  folders: Schema.Array(Schema.String),
  /** `http://HOST:PORT/`; null until it listens. */
  address: Schema.NullOr(Schema.String)
})
export type DataFolderHolder = typeof DataFolderHolder.Type

/** A data folder that another running service holds: two of them would take each other's tracks out of the library. */
export class DataFolderInUse extends Schema.TaggedError<DataFolderInUse>()("DataFolderInUse", {
  dataFolder: Schema.String,
  /** null: it does not say who it is. */
  holder: Schema.NullOr(DataFolderHolder)
}) {
  override get message(): string {
    return `The data folder ${this.dataFolder} is in use by ${nameOf(this.holder)}. End that one first, or choose another folder with --data.`
  }
}

const nameOf = (holder: DataFolderHolder | null): string => {
  if (holder === null) return "another lathe"
  const at = holder.address === null ? "" : ` at ${holder.address}`
  return `the lathe that runs${at} since ${holder.since} (process ${holder.pid})`
}
