/** What SQLite and the system say, behind the errors that are wrapped around it. */

const innermost = (error: unknown): unknown => {
  let found = error
  while (found instanceof Error && found.cause !== undefined) found = found.cause
  return found
}

/** Another connection holds the file: passes by itself. */
export const isBusy = (error: unknown): boolean => {
  const cause = innermost(error)
  return typeof cause === "object" && cause !== null && "code" in cause && String(cause.code).startsWith("SQLITE_BUSY")
}

export const systemsWord = (error: unknown): string => {
  const cause = innermost(error)
  return cause instanceof Error ? cause.message : String(cause)
}
