/**
 * Another service that uses lathe by RPC: lists the tracks, asks what would be done to the first one and why, and
 * streams it mastered. Run `npm start`, then `npm run example:rpc -- [ws://127.0.0.1:8765/rpc]`.
 */
import { NodeRuntime, NodeSocket } from "@effect/platform-node"
import { RpcClient, RpcSerialization } from "@effect/rpc"
import { Console, Effect, Layer, Stream } from "effect"
import { LatheRpcs } from "../src/contract/LatheRpcs.ts"

const url = process.argv[2] ?? "ws://127.0.0.1:8765/rpc"

const protocol = RpcClient.layerProtocolSocket().pipe(
  Layer.provide([NodeSocket.layerWebSocket(url), RpcSerialization.layerMsgPack])
)

const program = Effect.gen(function* () {
  const lathe = yield* RpcClient.make(LatheRpcs)
  const tracks = yield* lathe.ListTracks()
  for (const track of tracks) yield* Console.log(`${track.id}: ${track.title}, ${track.duration.toFixed(1)} s`)
  const [track] = tracks
  if (track === undefined) return yield* Console.log("The library is empty.")

  const plan = yield* lathe.GetMasteringPlan({ track_id: track.id, preset: "adaptive" })
  yield* Console.log(plan.summary)

  const samples = yield* lathe
    .StreamMastered({ track_id: track.id })
    .pipe(Stream.runFold(0, (total, event) => (event._tag === "Pcm" ? total + event.sample_count : total)))
  yield* Console.log(`${samples} samples per channel received`)
})

program.pipe(
  Effect.scoped,
  Effect.provide(protocol),
  Effect.tapError((error) =>
    Console.error(
      error._tag === "RpcClientError" ? `No lathe service answers at ${url}. Start one with: npm start` : error.message
    )
  ),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
