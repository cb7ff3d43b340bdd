/** What commands say to people: colours on a terminal only, columns, bars. */

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
