/** A library over the folder `music` of a temporary folder, with its database in memory. */
import type { SqlClient } from "@effect/sql"
import { Effect, Layer, Schedule, type Scope } from "effect"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import type { DatabaseUnavailable } from "../../src/domain/database/DatabaseUnavailable.ts"
import * as AudioDecoderNodeAv from "../../src/layers/audio/AudioDecoderNodeAv.ts"
import * as DatabaseSqlite from "../../src/layers/database/DatabaseSqlite.ts"
import * as LibraryCatalogSqlite from "../../src/layers/library/LibraryCatalogSqlite.ts"
import * as TrackFileReaderLocal from "../../src/layers/library/TrackFileReaderLocal.ts"
import * as TrackLibraryFolders from "../../src/layers/library/TrackLibraryFolders.ts"
import * as TrackRepoSqlite from "../../src/layers/library/TrackRepoSqlite.ts"
import { LibraryCatalog } from "../../src/services/LibraryCatalog.ts"
import { TrackLibrary } from "../../src/services/TrackLibrary.ts"
import { temporaryFolder } from "./audioFiles.ts"

export const libraryLayer = (
  folders: ReadonlyArray<string>,
  options: TrackLibraryFolders.TrackLibraryFoldersOptions = {},
  database: Layer.Layer<SqlClient.SqlClient, DatabaseUnavailable> = DatabaseSqlite.layerMemory
) =>
  TrackLibraryFolders.layer(folders, options).pipe(
    Layer.provideMerge(Layer.merge(TrackRepoSqlite.layer, LibraryCatalogSqlite.layer)),
    Layer.provideMerge(Layer.orDie(database)),
    Layer.provideMerge(TrackFileReaderLocal.layer),
    Layer.provideMerge(AudioDecoderNodeAv.layer)
  )

type Services = Layer.Layer.Success<ReturnType<typeof libraryLayer>>

export const inLibrary = <E>(
  use: (folder: string, root: string) => Effect.Effect<void, E, Services | Scope.Scope>,
  options: TrackLibraryFolders.TrackLibraryFoldersOptions = {}
) =>
  Effect.gen(function* () {
    const root = yield* temporaryFolder
    const folder = join(root, "music")
    mkdirSync(folder)
    yield* Effect.scoped(use(folder, root)).pipe(Effect.provide(libraryLayer([folder], options)))
  })

export const titles = Effect.flatMap(TrackLibrary, (library) => library.list).pipe(
  Effect.map((tracks) => tracks.map((track) => track.title))
)

export const scan = Effect.flatMap(TrackLibrary, (library) => library.scan)

export const unreadableFiles = Effect.flatMap(LibraryCatalog, (catalog) => catalog.unreadable({ limit: 100 })).pipe(
  Effect.map((page) => page.items),
  Effect.orDie
)

/** Looks until it is so; the test's own bound is the limit. */
export const until = <A, R>(look: Effect.Effect<A, never, R>, isSo: (value: A) => boolean) =>
  look.pipe(Effect.repeat({ until: isSo, schedule: Schedule.spaced("20 millis") }), Effect.andThen(look))
