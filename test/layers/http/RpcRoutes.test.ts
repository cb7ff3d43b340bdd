/** What callers are told of faults of the service: nothing of where its files are. */
import { HttpLayerRouter, HttpServer } from "@effect/platform"
import { describe, it } from "@effect/vitest"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import { RpcClient, RpcSerialization } from "@effect/rpc"
import { Cause, Context, Effect, Exit, Layer, Logger, LogLevel, Stream } from "effect"
import { createServer } from "node:http"
import { TrackId } from "../../../src/domain/library/Track.ts"
import * as RpcRoutes from "../../../src/layers/http/RpcRoutes.ts"
import { FingerprintGenerator } from "../../../src/services/FingerprintGenerator.ts"
import { LatheRpcs } from "../../../src/contract/LatheRpcs.ts"
import { LibraryCatalog } from "../../../src/services/LibraryCatalog.ts"
import { TrackLibrary } from "../../../src/services/TrackLibrary.ts"
import { TrackStreamer } from "../../../src/services/TrackStreamer.ts"
import { assert } from "../../support/assert.ts"

const broken = Effect.die(new Error("SQLITE_CORRUPT: /home/someone/lathe.db is malformed"))

const services = Layer.mergeAll(
  Layer.succeed(TrackLibrary, { folders: [], list: broken, scan: broken, scanStatus: broken, resolve: () => broken }),
  Layer.succeed(FingerprintGenerator, {
    events: () => Stream.fromEffect(broken),
    getOrGenerate: () => broken,
    getCached: () => broken,
    isServerAvailable: broken,
    owed: broken,
    running: broken
  }),
  Layer.succeed(LibraryCatalog, {
    tracks: () => broken,
    track: () => broken,
    albums: () => broken,
    artists: () => broken,
    unreadable: () => broken,
    spread: broken,
    fingerprints: broken,
    count: broken
  } as never),
  Layer.succeed(TrackStreamer, { stream: () => Stream.fromEffect(broken) })
)

const handler = Effect.acquireRelease(
  Effect.sync(() =>
    HttpLayerRouter.toWebHandler(
      RpcRoutes.layer.pipe(
        Layer.provide(services),
        Layer.provideMerge(HttpServer.layerContext),
        Layer.provide(Logger.minimumLogLevel(LogLevel.None))
      ),
      { disableLogger: true }
    )
  ),
  ({ dispose }) => Effect.promise(() => dispose())
)

describe("The RPC API", () => {
  for (const [tag, payload] of [
    ["ListTracks", undefined],
    ["GetTrack", { track_id: 1 }],
    ["GetFingerprint", { track_id: 1 }],
    ["GetOrGenerateFingerprint", { track_id: 1 }],
    ["GetMasteringPlan", { track_id: 1, preset: "adaptive", intensity: 1 }],
    ["FindTracks", {}],
    ["FindAlbums", { search: "a" }],
    ["FindArtists", {}],
    ["ListUnreadable", { limit: 5 }],
    ["GetLibrarySpread", undefined],
    ["GetScanStatus", undefined],
    ["GetStatus", undefined]
  ] as const) {
    it.scopedLive(`says of a defect in ${tag} that there was one, and no more`, () =>
      Effect.gen(function* () {
        const { handler: answer } = yield* handler
        const text = yield* Effect.promise(async () => {
          const body = JSON.stringify({ _tag: "Request", id: "1", tag, payload: payload ?? {}, headers: [] })
          const headers = { "content-type": "application/json" }
          return (await answer(new Request("http://localhost/rpc", { method: "POST", headers, body }))).text()
        })
        assert.includes(text, "The service could not do this")
        assert.excludes(text, "/home")
        assert.excludes(text, "SQLITE")
      })
    )
  }

  it.scopedLive("says no more of one in a stream over WebSocket", () =>
    Effect.gen(function* () {
      const server = HttpLayerRouter.serve(RpcRoutes.layer.pipe(Layer.provide(services)), {
        disableLogger: true,
        disableListenLog: true
      }).pipe(Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" })))
      const context = yield* Layer.build(server)
      const { address } = Context.get(context, HttpServer.HttpServer)
      const port = address._tag === "TcpAddress" ? address.port : 0
      const protocol = RpcClient.layerProtocolSocket().pipe(
        Layer.provide([NodeSocket.layerWebSocket(`ws://127.0.0.1:${port}/rpc`), RpcSerialization.layerMsgPack])
      )
      for (const tag of ["StreamMastered", "GenerateFingerprint"] as const) {
        const exit = yield* Effect.flatMap(RpcClient.make(LatheRpcs), (lathe) =>
          Effect.exit(Stream.runDrain<unknown, unknown, never>(lathe[tag]({ track_id: TrackId.make(1) })))
        ).pipe(Effect.scoped, Effect.provide(protocol))
        const told = Exit.match(exit, { onSuccess: () => "success", onFailure: Cause.pretty })
        assert.includes(told, "The service could not do this", tag)
        assert.doesNotMatch(told, /home|SQLITE/, tag)
      }
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None))
  )
})
