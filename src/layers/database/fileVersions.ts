/** Which rows are about a version of a file. A row, or a file, without an inode or a time of change has any. */
import type { SqlClient } from "@effect/sql"
import type { FileVersion } from "../../domain/library/Track.ts"

export const hasSizeAndTime = (a: string, b: string): string =>
  `${a}.size = ${b}.size AND ${a}.mtime_ms = ${b}.mtime_ms`

/** Of two rows, by the names of their tables. */
export const haveSameVersion = (a: string, b: string): string => {
  const isSameOrUnknown = (name: string) =>
    `(${a}.${name} IS NULL OR ${b}.${name} IS NULL OR ${a}.${name} = ${b}.${name})`
  return `${hasSizeAndTime(a, b)} AND ${isSameOrUnknown("inode")} AND ${isSameOrUnknown("ctime_ms")}`
}

export const isOfSizeAndTime = (sql: SqlClient.SqlClient, { mtime_ms, size }: FileVersion) =>
  sql`size = ${size} AND mtime_ms = ${mtime_ms}`

export const isOfVersion = (sql: SqlClient.SqlClient, version: FileVersion) => {
  const { ctime_ms, inode } = version
  return sql`${isOfSizeAndTime(sql, version)}
    AND (inode IS NULL OR ${inode} IS NULL OR inode = ${inode})
    AND (ctime_ms IS NULL OR ${ctime_ms} IS NULL OR ctime_ms = ${ctime_ms})`
}
