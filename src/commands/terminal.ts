/** What commands say to people: colours on a terminal only, columns, bars. */
import { Effect } from "effect"

const codes = { red: 31, green: 32, yellow: 33, dim: 2 } as const

/** Not where a file or a program reads it, nor where NO_COLOR is set (no-color.org). */
const hasColours = (stream: NodeJS.WriteStream = process.stdout): boolean => stream.isTTY && !process.env["NO_COLOR"]

/** SGR (ECMA-48, 8.3.117): colour, bold, faint. */
const sgr = new RegExp(`${String.fromCharCode(0x1b)}\\[[\\d;]*m`, "g")

const asFor =
  (stream: NodeJS.WriteStream) =>
  (text: unknown): unknown =>
    typeof text === "string" && !hasColours(stream) ? text.replaceAll(sgr, "") : text

/** Help and complaints of @effect/cli, which come in colours, in plain text where there are to be none. */
export const withPlainText = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.consoleWith((console) =>
    Effect.withConsole(effect, {
      ...console,
      log: (...texts) => console.log(...texts.map(asFor(process.stdout))),
      error: (...texts) => console.error(...texts.map(asFor(process.stderr)))
    })
  )

export const colour = (name: keyof typeof codes, text: string): string =>
  hasColours() ? `\u001b[${codes[name]}m${text}\u001b[0m` : text

/**
 * The first fault of standard output. Where whoever read it has gone, as `head` does, there is nothing to say. Any other
 * is told here: it may come when all else is done.
 */
const outputFault = Effect.async<void>((resume) => {
  process.stdout.once("error", ({ code, message }: NodeJS.ErrnoException) => {
    process.stdout.on("error", () => {})
    if (code !== "EPIPE") {
      const detail = code ?? message
      process.stderr.write(`What is printed cannot be written (${detail}): free some space, or print to elsewhere.\n`)
      process.exitCode = 1
    }
    resume(Effect.void)
  })
  // Nobody is left to be told.
  process.stderr.on("error", () => {})
})

/** Ends when nobody can read any longer what is printed. */
export const untilOutputFails = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A | void, E, R> =>
  Effect.raceFirst(effect, outputFault)

/** Rows of cells in columns: the first one to the left, all others, being numbers, to the right. */
export const columns = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, n) => (n === 0 ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]!)))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

const eighths = [..." ▁▂▃▄▅▆▇█"]

/** One character a value, from `low` (blank) to `high` (full). */
export const sparkline = (values: ReadonlyArray<number>, low: number, high: number): string =>
  values
    .map((value) => {
      const share = Math.min(1, Math.max(0, (value - low) / (high - low)))
      return eighths[Math.round(share * (eighths.length - 1))]
    })
    .join("")

const barWidth = 24
const clearLine = "\r\u001b[K"

/** A bar that is `share` full, 0 to 1, and words behind it. */
const bar = (share: number, words: string): string => {
  const full = Math.round(Math.min(1, Math.max(0, share)) * barWidth)
  return `${"█".repeat(full)}\u001b[2m${"░".repeat(barWidth - full)}\u001b[0m ${words}`
}

export interface Progress {
  /** Draws the bar anew, a few times a second at most. */
  readonly show: (share: number, words: string) => Effect.Effect<void>
}

const redrawMs = 100

/** Runs `work` with a bar on stderr, which is gone behind it; where stderr is no terminal, nothing is shown. */
export const withProgress = <A, E, R>(work: (progress: Progress) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    if (!process.stderr.isTTY) return work({ show: () => Effect.void })
    let drawnAt = -Infinity
    const show = (share: number, words: string) =>
      Effect.sync(() => {
        const now = performance.now()
        if (now - drawnAt < redrawMs) return
        drawnAt = now
        process.stderr.write(clearLine + bar(share, words))
      })
    return Effect.ensuring(
      work({ show }),
      Effect.sync(() => process.stderr.write(clearLine))
    )
  })
