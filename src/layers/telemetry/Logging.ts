/** The log: on stderr, for people or as one JSON object a line. What a program may read goes to stdout instead. */
import { Cause, Effect, FiberId, FiberRef, HashMap, HashSet, List, Logger } from "effect"

export type LogFormat = "text" | "json"

/** JSON of anything: what has no JSON is written as text, and what contains itself is left out there. */
const toJson = (value: unknown): string => {
  const above: Array<unknown> = []
  return JSON.stringify(value, function (this: unknown, _key, item: unknown) {
    if (item instanceof Error) return item.message
    if (typeof item === "bigint" || typeof item === "symbol" || typeof item === "function") return String(item)
    if (typeof item === "number" && !Number.isFinite(item)) return String(item)
    if (typeof item !== "object" || item === null) return item
    while (above.length > 0 && above.at(-1) !== this) above.pop()
    if (above.includes(item)) return "[circular]"
    above.push(item)
    return item
  })
}

const toText = (part: unknown): string =>
  typeof part === "string" ? part : part instanceof Error ? part.message : (toJson(part) ?? String(part))

/** All that one call has logged, as one text. */
const messageOf = (message: unknown): string => (Array.isArray(message) ? message : [message]).map(toText).join(" ")

/** As Effect's own, with one `message=` an entry, however many texts were logged at once. */
export const logfmtLogger: Logger.Logger<unknown, string> = Logger.make((entry) =>
  Logger.logfmtLogger.log({ ...entry, message: messageOf(entry.message) })
)

/** `time`, `level`, `message`, `fiber`; `annotations` (track_id, stream_epoch, ...), `spans` (ms) and `cause` if any. */
export const jsonLogger: Logger.Logger<unknown, string> = Logger.make(
  ({ annotations, cause, date, fiberId, logLevel, message, spans }) =>
    toJson({
      time: date.toISOString(),
      level: logLevel._tag.toLowerCase(),
      message: messageOf(message),
      fiber: FiberId.threadName(fiberId),
      ...(!HashMap.isEmpty(annotations) && { annotations: Object.fromEntries(annotations) }),
      ...(List.isCons(spans) && {
        spans: Object.fromEntries(List.toArray(spans).map(({ label, startTime }) => [label, +date - startTime]))
      }),
      ...(!Cause.isEmpty(cause) && { cause: Cause.pretty(cause, { renderErrorCause: true }) })
    })
)

const loggers: Record<LogFormat, () => Logger.Logger<unknown, void>> = {
  text: () => (process.stderr.isTTY ? Logger.prettyLogger({ stderr: true }) : Logger.withConsoleError(logfmtLogger)),
  json: () => Logger.withConsoleError(jsonLogger)
}

/** Writes the log in this format, and in no other, whatever was set up around the program. */
export const withFormat =
  (format: LogFormat) =>
  <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.locally(program, FiberRef.currentLoggers, HashSet.make(loggers[format](), Logger.tracerLogger))
