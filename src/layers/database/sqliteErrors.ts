/** What SQLite and the system say, behind the errors that are wrapped around it. */

const innermost = (error: unknown): unknown => {
  let found = error
  while (found instanceof Error && found.cause !== undefined) found = found.cause
  return found
}

const hasCode = (error: unknown, code: string): boolean => {
  const cause = innermost(error)
  return typeof cause === "object" && cause !== null && "code" in cause && String(cause.code).startsWith(code)
}

/** Another connection holds the file: passes by itself. */
export const isBusy = (error: unknown): boolean => hasCode(error, "SQLITE_BUSY")

/** What was to be written does not go with what is there, as of a track that is there no more: never passes. */
export const isRefused = (error: unknown): boolean => hasCode(error, "SQLITE_CONSTRAINT")

export const systemsWord = (error: unknown): string => {
  const cause = innermost(error)
  return cause instanceof Error ? cause.message : String(cause)
}
