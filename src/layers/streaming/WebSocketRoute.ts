/** The endpoint `/ws`: sockets on one side, stream sessions on the other. See docs/protocol.md. */
import { HttpLayerRouter } from "@effect/platform"
import { Effect, Layer } from "effect"
import type { ResumeTokens } from "../../services/ResumeTokens.ts"
import type { TrackStreamer } from "../../services/TrackStreamer.ts"
import { WebSockets } from "../../services/WebSockets.ts"
import { type ConnectionLimits, defaultLimits, makeStreamConnection } from "./StreamConnection.ts"
import type { StreamOwners } from "./StreamTransport.ts"

/** Messages up to this many times the limit are answered, and the connection lives on; larger ones are not even read. */
const answeredExcess = 16

const make = (limits: ConnectionLimits) =>
  Effect.gen(function* () {
    const router = yield* HttpLayerRouter.HttpRouter
    const webSockets = yield* WebSockets
    const services = yield* Effect.context<TrackStreamer | ResumeTokens>()
    const owners: StreamOwners = new Map()
    const accepted = webSockets.accept({
      maximumReadBytes: answeredExcess * limits.maximumMessageBytes,
      open: (peer) => makeStreamConnection(peer, limits, owners)
    })
    yield* router.add("GET", "/ws", Effect.provide(accepted, services))
  })

export const layerWith = (
  limits: Partial<ConnectionLimits>
): Layer.Layer<never, never, HttpLayerRouter.HttpRouter | TrackStreamer | ResumeTokens | WebSockets> =>
  Layer.effectDiscard(make({ ...defaultLimits, ...limits }))

export const layer = layerWith({})
