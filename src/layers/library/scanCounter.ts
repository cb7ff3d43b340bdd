/** Counts what a scan finds and has read, for who looks while it runs and after it. */
import { Clock, Effect } from "effect"
import { type LeftOut, noScanYet, type ScanStatus } from "../../domain/library/Library.ts"
import type { ScanReport } from "../../services/TrackLibrary.ts"
import type { Progress } from "./folderUpdate.ts"

export interface ScanCounter extends Progress {
  /** It is about to begin: from now on it counts as running. */
  readonly announce: () => void
  readonly begin: Effect.Effect<void>
  readonly end: Effect.Effect<void>
  /** Of the scan that has begun last. */
  readonly report: () => ScanReport
  readonly status: Effect.Effect<ScanStatus>
}

export const makeScanCounter = (): ScanCounter => {
  let status: ScanStatus = noScanYet
  let startedAt = 0
  let report = noFiles
  let leftOut = new Map<string, LeftOut>()
  const announce = () => {
    status = { ...noScanYet, running: true }
  }
  return {
    announce,
    begin: Effect.map(Clock.currentTimeMillis, (now) => {
      startedAt = now
      report = noFiles
      leftOut = new Map()
      announce()
    }),
    end: Effect.map(Clock.currentTimeMillis, (now) => {
      const finished_at = new Date(now).toISOString()
      status = { ...status, running: false, rate_per_second: rate(status.files_read, now - startedAt), finished_at }
      status = { ...status, left_out: sorted(leftOut) }
    }),
    found: () => {
      status = { ...status, files_found: status.files_found + 1 }
    },
    done: (outcome) => {
      report = { ...report, [outcome]: report[outcome] + 1 }
      const { added, unreadable, updated } = report
      status = { ...status, files_read: status.files_read + 1, added, updated, unreadable }
    },
    leftOut: (ending, reason) => {
      const isNew = !leftOut.has(`${reason} ${ending}`)
      const isOther = ending.length > longestEnding || (isNew && leftOut.size >= mostEndings)
      const shown = isOther ? "other" : ending
      const key = `${reason} ${shown}`
      leftOut.set(key, { ending: shown, reason, files: (leftOut.get(key)?.files ?? 0) + 1 })
    },
    report: () => report,
    status: Effect.map(Clock.currentTimeMillis, (now) =>
      status.running && startedAt > 0
        ? { ...status, left_out: sorted(leftOut), rate_per_second: rate(status.files_read, now - startedAt) }
        : status
    )
  }
}

/** Characters: what is longer is no ending but a name with a point in it. */
const longestEnding = 16
/** Endings and reasons that are counted apart from all others. */
const mostEndings = 100

const sorted = (leftOut: ReadonlyMap<string, LeftOut>): ReadonlyArray<LeftOut> =>
  [...leftOut.values()].sort((a, b) => b.files - a.files)

const noFiles: ScanReport = { added: 0, updated: 0, unchanged: 0, unreadable: 0 }

/** null: there is nothing to tell it from. */
const rate = (files: number, milliseconds: number): number | null =>
  files === 0 || milliseconds <= 0 ? null : (1000 * files) / milliseconds
