/** The one place that composes the service: what `lathe serve` runs. */
import { HttpLayerRouter } from "@effect/platform"
import { Duration, Effect, Fiber, Layer, Option, Schedule } from "effect"
import { join } from "node:path"
import * as ChunkMasteringProcessPool from "./layers/mastering/ChunkMasteringProcessPool.ts"
import * as DataFolderLock from "./layers/database/DataFolderLock.ts"
import * as DatabaseSqlite from "./layers/database/DatabaseSqlite.ts"
import * as GracefulShutdownInTime from "./layers/http/GracefulShutdownInTime.ts"
import * as FingerprintBackground from "./layers/fingerprint/FingerprintBackground.ts"
import * as FingerprintGeneratorTiered from "./layers/fingerprint/FingerprintGeneratorTiered.ts"
import * as FingerprintRepoSqlite from "./layers/fingerprint/FingerprintRepoSqlite.ts"
import * as FingerprintServerClientGrpc from "./layers/fingerprint/FingerprintServerClientGrpc.ts"
import * as FingerprintServerProcess from "./layers/fingerprint/FingerprintServerProcess.ts"
import * as FingerprintSidecarFiles from "./layers/fingerprint/FingerprintSidecarFiles.ts"
import * as HttpAccess from "./layers/http/HttpAccess.ts"
import * as HttpListener from "./layers/http/HttpListener.ts"
import * as HttpRoutes from "./layers/http/HttpRoutes.ts"
import * as ReadinessProbes from "./layers/telemetry/ReadinessProbes.ts"
import * as ResumeTokensHmac from "./layers/streaming/ResumeTokensHmac.ts"
import * as LatheApiRoutes from "./layers/http/LatheApiRoutes.ts"
import * as LibraryCatalogSqlite from "./layers/library/LibraryCatalogSqlite.ts"
import * as RpcRoutes from "./layers/http/RpcRoutes.ts"
import * as SupervisionTreeRoot from "./layers/supervision/SupervisionTreeRoot.ts"
import * as TrackFileReaderProcess from "./layers/library/TrackFileReaderProcess.ts"
import * as TrackLibraryFolders from "./layers/library/TrackLibraryFolders.ts"
import * as TrackMediaCached from "./layers/library/TrackMediaCached.ts"
import * as TrackRepoSqlite from "./layers/library/TrackRepoSqlite.ts"
import * as TrackStreamerLive from "./layers/streaming/TrackStreamerLive.ts"
import * as WaveformRepoSqlite from "./layers/library/WaveformRepoSqlite.ts"
import * as WebSocketRoute from "./layers/streaming/WebSocketRoute.ts"
import * as WebSocketsBounded from "./layers/http/WebSocketsBounded.ts"
import { ChunkMastering } from "./services/ChunkMastering.ts"
import { GracefulShutdown } from "./services/GracefulShutdown.ts"
import { FingerprintGenerator } from "./services/FingerprintGenerator.ts"
import { Readiness } from "./services/Readiness.ts"
import { LibraryCatalog } from "./services/LibraryCatalog.ts"
import { TrackFileReader } from "./services/TrackFileReader.ts"
import { TrackLibrary } from "./services/TrackLibrary.ts"

export interface ServiceOptions extends HttpAccess.AccessOptions {
  /** Music folders, absolute. */
  readonly folders: ReadonlyArray<string>
  /** Whether links in them are followed. Default true. */
  readonly followLinks?: boolean
  /** Where the sidecars of fingerprints are kept. Default: beside the files. */
  readonly sidecars?: "beside" | "data" | "off"
  /** Port of HTTP, WebSocket and RPC; 0: one that is free. */
  readonly port: number
  /** Port of the fingerprint server; another free one where it is taken. */
  readonly fingerprintPort: number
  /** Where the database is; made where it is not there. */
  readonly dataFolder: string
  /** Streams at a time, of all listeners together. */
  readonly maximumStreams: number
  /** Whether all tracks are fingerprinted in the background. */
  readonly background: boolean
  /** Arguments of `node` that start its processes. Default: those of lathe itself. */
  readonly commands?: {
    /** The port comes behind them. */
    readonly fingerprintServer?: ReadonlyArray<string>
    readonly renderWorker?: ReadonlyArray<string>
    readonly probeWorker?: ReadonlyArray<string>
  }
}

/** The fingerprint server is a child of this process and nobody else's business. */
const fingerprintHost = "127.0.0.1"

/**
 * Whoever starts the service waits for its address while the first scan ends in no time; else until there is something to
 * play, no longer than this. The scan goes on without being waited for.
 */
const firstScanPatience = Duration.seconds(1)
const firstTrackPatience = Duration.seconds(4)

/** A fingerprint server that is not up by then is told of. */
const serverPatience = Duration.seconds(10)

const warnWithoutServer = Effect.gen(function* () {
  const generator = yield* FingerprintGenerator
  const up = yield* generator.isServerAvailable.pipe(
    Effect.repeat({ until: (isAvailable) => isAvailable, schedule: Schedule.spaced("250 millis") }),
    Effect.timeoutOption(serverPatience)
  )
  if (Option.isNone(up)) yield* Effect.logWarning("The fingerprint server is not up yet")
})

/** Reads the library, and tells the address. */
const fillAndAnnounce = (dataFolderLock: DataFolderLock.DataFolderLock) =>
  Effect.gen(function* () {
    const listener = yield* HttpListener.HttpListener
    const address = yield* HttpListener.addressOf
    yield* dataFolderLock.announce(address)
    const readiness = yield* Readiness
    const shutdown = yield* GracefulShutdown
    // The first to run: what the listener leads to stops with the listener closed, and with everybody told.
    yield* Effect.addFinalizer(() => Effect.zipRight(listener.close, shutdown.run))
    const library = yield* TrackLibrary
    const catalog = yield* LibraryCatalog
    yield* Effect.forkScoped(warnWithoutServer)
    const scan = yield* Effect.forkScoped(Effect.tap(library.scan, readiness.libraryLoaded))
    const somethingToPlay = Effect.repeat(catalog.count, {
      until: (length) => length > 0,
      schedule: Schedule.spaced("50 millis")
    })
    yield* Effect.raceFirst(Fiber.join(scan), Effect.delay(somethingToPlay, firstScanPatience)).pipe(
      Effect.timeoutOption(firstTrackPatience)
    )
    const length = yield* catalog.count
    const isScanning = Option.isNone(yield* Fiber.poll(scan))
    const tracks = `${length} ${length === 1 ? "track" : "tracks"}${isScanning ? " so far" : ""}`
    yield* Effect.logInfo(`lathe serves ${tracks} at ${address}`)
  })

const sidecarsOf = ({ dataFolder, sidecars = "beside" }: ServiceOptions) => {
  if (sidecars === "off") return FingerprintSidecarFiles.layerNone
  return FingerprintSidecarFiles.layerWith(sidecars === "data" ? { folder: join(dataFolder, "sidecars") } : {})
}

/**
 * The service, listening once it is built; fails where the database cannot be opened or the port is taken. It ends from
 * the outside in: listener, streams, what renders and generates, fingerprint server, database.
 */
export const layer = (options: ServiceOptions) =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const { folders, followLinks = true } = options
      // Before anything is written there; given back when all else has ended.
      const dataFolderLock = yield* DataFolderLock.hold(options.dataFolder, folders)
      const { fingerprintServer, probeWorker, renderWorker } = options.commands ?? {}
      const fingerprintPort = yield* FingerprintServerProcess.findFreePort(options.fingerprintPort)

      const database = DatabaseSqlite.layer(join(options.dataFolder, "lathe.db"))
      const repositories = Layer.mergeAll(
        TrackRepoSqlite.layer,
        LibraryCatalogSqlite.layer,
        FingerprintRepoSqlite.layer,
        WaveformRepoSqlite.layer
      ).pipe(Layer.provide(database))
      // No byte of a music folder is parsed in this process.
      const probes = yield* TrackFileReaderProcess.make(probeWorker && { workerCommand: probeWorker })
      const reader = Layer.succeed(TrackFileReader, probes.reader)
      const library = TrackLibraryFolders.layer(folders, { watch: true, followLinks }).pipe(
        Layer.provide([repositories, reader])
      )
      const media = TrackMediaCached.layer().pipe(Layer.provide([repositories, reader]))
      const generator = FingerprintGeneratorTiered.layer.pipe(
        Layer.provide([
          repositories,
          sidecarsOf(options).pipe(Layer.provide(reader)),
          FingerprintServerClientGrpc.layer({ baseUrl: `http://${fingerprintHost}:${fingerprintPort}` })
        ])
      )
      const renderers = yield* ChunkMasteringProcessPool.make(renderWorker && { workerCommand: renderWorker })
      const server = FingerprintServerProcess.supervised({
        port: fingerprintPort,
        folders,
        followLinks,
        ...(fingerprintServer && { command: [...fingerprintServer, String(fingerprintPort)] })
      })
      const mastering = Layer.succeed(ChunkMastering, renderers.mastering)
      const streamer = TrackStreamerLive.layerWith({ maximumStreams: options.maximumStreams }).pipe(
        Layer.provide([library, generator, mastering])
      )

      const readiness = ReadinessProbes.layer.pipe(
        Layer.provide([library, generator, mastering, repositories, database])
      )

      const routes = Layer.mergeAll(
        HttpAccess.layer(options),
        HttpRoutes.layer,
        LatheApiRoutes.layer,
        RpcRoutes.layer,
        WebSocketRoute.layer
      ).pipe(
        Layer.provide([
          streamer,
          library,
          generator,
          repositories,
          media,
          readiness,
          ResumeTokensHmac.layer(options.dataFolder),
          WebSocketsBounded.layer
        ])
      )
      const background = FingerprintBackground.layer({ background: options.background }).pipe(
        Layer.provide([library, generator, repositories])
      )

      const supervision = SupervisionTreeRoot.layer({
        children: [renderers.supervised, probes.supervised, server],
        // Nothing below gives up.
        onEscalation: (reason) => Effect.logFatal(`The service goes on without its actors. ${reason}`)
      })

      return Layer.scopedDiscard(fillAndAnnounce(dataFolderLock)).pipe(
        Layer.provideMerge(HttpLayerRouter.serve(routes, { disableLogger: true, disableListenLog: true })),
        Layer.provideMerge(Layer.merge(HttpListener.layer(options), GracefulShutdownInTime.layer)),
        Layer.provideMerge(Layer.mergeAll(library, generator, repositories, readiness, background)),
        Layer.provideMerge(supervision),
        Layer.provideMerge(database)
      )
    })
  )
