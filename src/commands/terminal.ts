/** What commands say to people: colours on a terminal only, columns, bars. */
import { Effect } from "effect"

const codes = { red: 31, green: 32, yellow: 33, dim: 2 } as const

/** Not where a file or a program reads it, nor where NO_COLOR is set (no-color.org). */
const hasColours = (): boolean => process.stdout.isTTY && !process.env["NO_COLOR"]

export const colour = (name: keyof typeof codes, text: string): string =>
  hasColours() ? `\u001b[${codes[name]}m${text}\u001b[0m` : text

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
