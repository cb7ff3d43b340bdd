/** The one place that composes the service: what `lathe serve` runs. */
import { HttpLayerRouter, HttpServer } from "@effect/platform"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Duration, Effect, Fiber, Layer, Option, Schedule } from "effect"
import { mkdir } from "node:fs/promises"
import { createServer } from "node:http"
import { join } from "node:path"
import { PortUnavailable } from "./domain/PortUnavailable.ts"
import * as AudioDecoderNodeAv from "./layers/AudioDecoderNodeAv.ts"
import * as AudioEncoderNodeAv from "./layers/AudioEncoderNodeAv.ts"
import * as ChunkMasteringRenderer from "./layers/ChunkMasteringRenderer.ts"
import * as DatabaseSqlite from "./layers/DatabaseSqlite.ts"
import * as DemoLibraryProcedural from "./layers/DemoLibraryProcedural.ts"
import * as FingerprintGeneratorTiered from "./layers/FingerprintGeneratorTiered.ts"
import * as FingerprintRepoSqlite from "./layers/FingerprintRepoSqlite.ts"
import * as FingerprintServerClientGrpc from "./layers/FingerprintServerClientGrpc.ts"
import * as FingerprintServerProcess from "./layers/FingerprintServerProcess.ts"
import * as FingerprintSidecarFiles from "./layers/FingerprintSidecarFiles.ts"
import * as HttpDoors from "./layers/HttpDoors.ts"
import * as HttpRoutes from "./layers/HttpRoutes.ts"
import * as RpcRoutes from "./layers/RpcRoutes.ts"
import * as SupervisionTreeRoot from "./layers/SupervisionTreeRoot.ts"
import * as TrackLibraryFolders from "./layers/TrackLibraryFolders.ts"
import * as TrackRepoSqlite from "./layers/TrackRepoSqlite.ts"
import * as TrackStreamerLive from "./layers/TrackStreamerLive.ts"
import * as WebSocketRoute from "./layers/WebSocketRoute.ts"
import { DemoLibrary } from "./services/DemoLibrary.ts"
import { FingerprintGenerator } from "./services/FingerprintGenerator.ts"
import { TrackLibrary } from "./services/TrackLibrary.ts"

export interface ServiceOptions {
  /** Music folders. None: the demo library, made below `dataFolder`. */
  readonly folders: ReadonlyArray<string>
  /** Port of HTTP, WebSocket and RPC; 0: one that is free. */
  readonly port: number
  /** Port of the fingerprint server; another free one where it is taken. */
  readonly fingerprintPort: number
  /** Where the database and the demo library are. */
  readonly dataFolder: string
}

const host = "127.0.0.1"

/** The start waits this long for the first scan and the fingerprint server; both go on without being waited for. */
const startPatience = Duration.seconds(10)

/** Everything a listener meets is there before the address is told: the tracks, and who measures them. */
const fillAndAnnounce = (demoFolder: string | undefined) =>
  Effect.gen(function* () {
    const { address } = yield* HttpServer.HttpServer
    const library = yield* TrackLibrary
    const generator = yield* FingerprintGenerator
    if (demoFolder !== undefined) yield* Effect.flatMap(DemoLibrary, (demo) => demo.ensure(demoFolder))
    const scan = yield* Effect.forkScoped(library.scan)
    const serverUp = generator.isServerAvailable.pipe(
      Effect.repeat({ until: (isAvailable) => isAvailable, schedule: Schedule.spaced("250 millis") })
    )
    const wait = (step: Effect.Effect<unknown>) => Effect.timeoutOption(Effect.asVoid(step), startPatience)
    const [scanned, up] = yield* Effect.all([wait(Fiber.join(scan)), wait(serverUp)], { concurrency: "unbounded" })
    if (Option.isNone(up)) yield* Effect.logWarning("The fingerprint server is not up yet")
    const { length } = yield* library.list
    const tracks = `${length} ${length === 1 ? "track" : "tracks"}${Option.isNone(scanned) ? " so far" : ""}`
    const port = address._tag === "TcpAddress" ? address.port : 0
    yield* Effect.logInfo(`lathe serves ${tracks} at http://${host}:${port}/`)
  })

/** The service, listening on loopback once it is built; fails where the demo cannot be made or the port is taken. */
export const layer = (options: ServiceOptions) =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const demoFolder = options.folders.length === 0 ? join(options.dataFolder, "demo") : undefined
      if (demoFolder !== undefined) yield* Effect.promise(() => mkdir(demoFolder, { recursive: true }))
      const folders = demoFolder === undefined ? options.folders : [demoFolder]
      const fingerprintPort = yield* FingerprintServerProcess.findFreePort(options.fingerprintPort)

      const repositories = Layer.merge(TrackRepoSqlite.layer, FingerprintRepoSqlite.layer).pipe(
        Layer.provide(DatabaseSqlite.layer(join(options.dataFolder, "lathe.db")))
      )
      const library = TrackLibraryFolders.layer(folders).pipe(
        Layer.provide(repositories),
        Layer.provide(AudioDecoderNodeAv.layer)
      )
      const generator = FingerprintGeneratorTiered.layer.pipe(
        Layer.provide([
          repositories,
          FingerprintSidecarFiles.layer,
          FingerprintServerClientGrpc.layer({ baseUrl: `http://${host}:${fingerprintPort}` })
        ])
      )
      const mastering = ChunkMasteringRenderer.layer.pipe(Layer.provide(AudioDecoderNodeAv.layer))
      const streamer = TrackStreamerLive.layer.pipe(Layer.provide([library, generator, mastering]))

      const routes = Layer.mergeAll(HttpDoors.layer, HttpRoutes.layer, RpcRoutes.layer, WebSocketRoute.layer).pipe(
        Layer.provide([streamer, library, generator])
      )
      const server = NodeHttpServer.layer(() => createServer(), { port: options.port, host }).pipe(
        Layer.mapError(({ cause }) => {
          const detail = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)
          return new PortUnavailable({ server: "The service", host, port: options.port, detail })
        })
      )

      const supervision = SupervisionTreeRoot.layer({
        children: [FingerprintServerProcess.supervised({ port: fingerprintPort, folders })],
        // Nothing below gives up now, and nothing below is needed to play.
        onEscalation: (reason) => Effect.logFatal(`The service goes on without its actors. ${reason}`)
      })

      const demo = DemoLibraryProcedural.layer.pipe(Layer.provide(AudioEncoderNodeAv.layer))

      return Layer.scopedDiscard(fillAndAnnounce(demoFolder)).pipe(
        Layer.provideMerge(HttpLayerRouter.serve(routes, { disableLogger: true, disableListenLog: true })),
        Layer.provideMerge(server),
        Layer.provideMerge(Layer.mergeAll(library, generator, demo)),
        Layer.provideMerge(supervision)
      )
    })
  )
