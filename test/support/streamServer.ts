/** The endpoint `/ws` on loopback, over the real streamer and renderer and a signal in memory. */
import { HttpLayerRouter, HttpServer } from "@effect/platform"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Effect, Layer, type Scope } from "effect"
import { createServer } from "node:http"
import type { Socket } from "node:net"
import { TrackNotFound } from "../../src/domain/library/Track.ts"
import * as ChunkMasteringRenderer from "../../src/layers/mastering/ChunkMasteringRenderer.ts"
import * as FingerprintGeneratorTiered from "../../src/layers/fingerprint/FingerprintGeneratorTiered.ts"
import * as FingerprintRepoMemory from "./layers/FingerprintRepoMemory.ts"
import * as Scripted from "./layers/FingerprintServerClientScripted.ts"
import * as FingerprintSidecarFiles from "../../src/layers/fingerprint/FingerprintSidecarFiles.ts"
import * as ResumeTokensHmac from "../../src/layers/streaming/ResumeTokensHmac.ts"
import * as TrackStreamerLive from "../../src/layers/streaming/TrackStreamerLive.ts"
import type { ConnectionLimits } from "../../src/layers/streaming/StreamConnection.ts"
import * as WebSocketRoute from "../../src/layers/streaming/WebSocketRoute.ts"
import * as WebSocketsBounded from "../../src/layers/http/WebSocketsBounded.ts"
import { pathOf, TrackLibrary } from "../../src/services/TrackLibrary.ts"
import { someAnalysis, someTrackFile } from "./analyses.ts"
import * as AudioDecoderMemory from "./AudioDecoderMemory.ts"
import type { Signal } from "./signals.ts"

export interface StreamServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  /** The server's ends of all connections so far. */
  readonly sockets: ReadonlyArray<Socket>
}

export interface StreamServerOptions {
  /** Of the one track, whose id is that of `someTrackFile`. */
  readonly signal: Signal
  /** Where the key of the resume tokens is. */
  readonly dataFolder: string
  readonly webSocket?: Partial<ConnectionLimits>
  readonly webSockets?: Partial<WebSocketsBounded.WebSocketsOptions>
  readonly streamer?: Partial<TrackStreamerLive.TrackStreamerOptions>
}

const sampleRate = 44_100
const file = someTrackFile()

const library = Layer.succeed(TrackLibrary, {
  folders: [file.folder],
  list: Effect.succeed([file.track]),
  resolve: (id) => (id === file.track.id ? Effect.succeed(file) : new TrackNotFound({ track_id: id })),
  scan: Effect.dieMessage("not part of this test"),
  scanStatus: Effect.dieMessage("not part of this test")
})

/** Listens until the scope closes. */
export const startStreamServer = (options: StreamServerOptions): Effect.Effect<StreamServer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const sockets: Array<Socket> = []
    const decoder = AudioDecoderMemory.layer({ [pathOf(file)]: { sampleRate, signal: options.signal } })
    const client = Scripted.make({ script: ["ok"], analysis: someAnalysis(), slowBy: "1 second" })
    const streamer = TrackStreamerLive.layerWith(options.streamer ?? {}).pipe(
      Layer.provide(ChunkMasteringRenderer.layer),
      Layer.provide([FingerprintGeneratorTiered.layer, library]),
      Layer.provide([FingerprintRepoMemory.layer, FingerprintSidecarFiles.layerNone, client.layer, decoder])
    )
    const makeServer = () => createServer().on("connection", (socket) => void sockets.push(socket))
    const server = HttpLayerRouter.serve(WebSocketRoute.layerWith(options.webSocket ?? {}), {
      disableLogger: true,
      disableListenLog: true
    }).pipe(
      Layer.provide([
        streamer,
        ResumeTokensHmac.layer(options.dataFolder),
        WebSocketsBounded.layerWith(options.webSockets ?? {})
      ]),
      Layer.provideMerge(NodeHttpServer.layer(makeServer, { port: 0, host: "127.0.0.1" }))
    )
    const context = yield* Effect.orDie(Layer.build(server))
    const { address } = yield* Effect.provide(HttpServer.HttpServer, context)
    return { url: `http://127.0.0.1:${address._tag === "TcpAddress" ? address.port : 0}`, sockets }
  })
