/** `lathe scan FOLDER`: reads a music folder into the database, before or beside a running service. */
import { Args, Command, Options } from "@effect/cli"
import { Console, Duration, Effect, Layer, Option, Schedule } from "effect"
import { join } from "node:path"
import type { DataFolderInUse } from "../domain/database/DataFolderInUse.ts"
import type { ScanStatus } from "../domain/library/Library.ts"
import { TrackLibrary } from "../services/TrackLibrary.ts"
import { musicFolder } from "./folders.ts"
import { scanByService } from "./runningService.ts"
import { leftOutText } from "./leftOutText.ts"
import { givenBy, optionOf, readDataFolder, readSetting } from "./settings.ts"
import { someFailed } from "./SomeFailed.ts"
import { type Progress, withProgress } from "./terminal.ts"

const folder = Args.text({ name: "FOLDER" }).pipe(Args.withDescription("The music folder to read."))

const json = Options.boolean("json").pipe(Options.withDescription("The result as one JSON object on stdout."))

/** One line: how many of the files found so far are done. */
const progressLine = ({ files_found, files_read, rate_per_second }: ScanStatus): string => {
  const rate = rate_per_second === null ? "" : `, ${Math.round(rate_per_second)} a second`
  return `${files_read} of ${files_found} files${rate}`
}

const shareOf = ({ files_found, files_read }: ScanStatus) => (files_found === 0 ? 0 : files_read / files_found)

// Loaded when it is needed: other commands start without it.
const libraryOver = (folder: string, dataFolder: string, followLinks: boolean) =>
  Effect.promise(async () => {
    const [DatabaseSqlite, TrackFileReaderProcess, TrackLibraryFolders, TrackRepoSqlite] = await Promise.all([
      import("../layers/database/DatabaseSqlite.ts"),
      import("../layers/library/TrackFileReaderProcess.ts"),
      import("../layers/library/TrackLibraryFolders.ts"),
      import("../layers/library/TrackRepoSqlite.ts")
    ])
    return TrackLibraryFolders.layer([folder], { keepOthers: true, followLinks }).pipe(
      Layer.provide(TrackFileReaderProcess.layer()),
      Layer.provide(TrackRepoSqlite.layer.pipe(Layer.provide(DatabaseSqlite.layer(join(dataFolder, "lathe.db")))))
    )
  })

const showOf =
  ({ show }: Progress) =>
  (now: ScanStatus) =>
    show(shareOf(now), progressLine(now))

const scanAlone = (path: string, dataFolder: string, followLinks: boolean) =>
  Effect.gen(function* () {
    const { scan, scanStatus } = yield* TrackLibrary
    const report = yield* withProgress((progress) =>
      Effect.raceFirst(
        scan,
        Effect.flatMap(scanStatus, showOf(progress)).pipe(
          Effect.repeat(Schedule.spaced(Duration.millis(100))),
          Effect.zipRight(Effect.never)
        )
      )
    )
    return { report, status: yield* scanStatus }
  }).pipe(Effect.provide(Layer.unwrapEffect(libraryOver(path, dataFolder, followLinks))))

/** All of its folders, since that is what it can do. */
const scanBesideService = (held: DataFolderInUse, path: string) =>
  withProgress((progress) => scanByService(held, path, showOf(progress))).pipe(
    Effect.map((status) => {
      const { added, files_read, unreadable, updated } = status
      return { report: { added, updated, unchanged: files_read - added - updated - unreadable, unreadable }, status }
    })
  )

export const scan = Command.make(
  "scan",
  { folder, dataFolder: optionOf("dataFolder"), followLinks: optionOf("followLinks"), json },
  ({ dataFolder, folder, followLinks, json }) =>
    Effect.gen(function* () {
      const path = yield* musicFolder(folder)
      const follows = (yield* readSetting("followLinks", givenBy({ followLinks }))) === "on"
      const data = yield* readDataFolder(givenBy({ dataFolder }))
      const { findHolder } = yield* Effect.promise(() => import("../layers/database/DataFolderLock.ts"))
      const held = yield* findHolder(data)
      const { report, status } = yield* Option.isSome(held)
        ? scanBesideService(held.value, path)
        : scanAlone(path, data, follows)
      const { left_out, rate_per_second } = status
      if (json) yield* Console.log(JSON.stringify({ folder: path, ...report, left_out, rate_per_second }))
      else {
        const { added, unchanged, unreadable, updated } = report
        yield* Console.log(
          `${folder}: ${added} added, ${updated} updated, ${unchanged} unchanged, ${unreadable} cannot be read.`
        )
        if (left_out.length > 0) yield* Console.log(`Left out: ${leftOutText(left_out)}.`)
      }
      // What was found broken before is counted as unchanged: it was told then.
      if (report.unreadable > 0)
        return yield* someFailed(report.unreadable, "file cannot be read", "files cannot be read")
    })
).pipe(Command.withDescription("Read a music folder into the database, without serving it."))
