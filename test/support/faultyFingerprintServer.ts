/**
 * A fingerprint server that is well by its health and wrong in its answers: `node faultyFingerprintServer.ts BEHAVIOUR
 * PORT`. `garbage`: bytes that are no gRPC; `half`: an answer that breaks off; `nan`: an answer whose 25 dimensions are
 * not numbers.
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import { Effect } from "effect"
import { create, toBinary } from "@bufbuild/protobuf"
import { ComputeFingerprintWithProgressResponseSchema } from "../../gen/lathe/fingerprint/v1/fingerprint_pb.js"
import { dimensionNames } from "../../src/domain/fingerprint/Fingerprint.ts"
import { listen } from "../../src/layers/fingerprint/server/Port.ts"
import { toResponse } from "../../src/layers/fingerprint/server/Wire.ts"
import { someAnalysis } from "./analyses.ts"

const [behaviour = "", port] = process.argv.slice(2)
process.once("disconnect", () => process.exit(0))

const notNumbers = Object.fromEntries(dimensionNames.map((name) => [name, Number.NaN]))
const result = toResponse("1", someAnalysis(notNumbers))
const message = toBinary(
  ComputeFingerprintWithProgressResponseSchema,
  create(ComputeFingerprintWithProgressResponseSchema, { event: { case: "result", value: result } })
)
/** One message of gRPC: not compressed, its length, itself. */
const framed = (message: Uint8Array) => {
  const frame = Buffer.concat([Buffer.alloc(5), message])
  frame.writeUInt32BE(message.length, 1)
  return frame
}
const wrong = framed(message)
/** grpc.health.v1.HealthCheckResponse: status SERVING. */
const serving = framed(Uint8Array.of(8, 1))

const sendWhole = (response: ServerResponse, frame: Buffer) => {
  response.write(frame)
  response.addTrailers({ "grpc-status": "0" })
  response.end()
}

const answer = (request: IncomingMessage, response: ServerResponse) => {
  if (request.url === "/health") return void response.end("ok")
  request.resume()
  const isHealth = request.url?.startsWith("/grpc.health.v1") === true
  if (behaviour === "garbage" && !isHealth) return void response.end(Buffer.alloc(4096, 0xa5))
  response.writeHead(200, { "content-type": "application/grpc+proto" })
  if (isHealth) return sendWhole(response, serving)
  if (behaviour !== "half") return sendWhole(response, wrong)
  response.write(wrong.subarray(0, wrong.length >> 1))
  setTimeout(() => response.destroy(), 50)
}

Effect.runFork(
  Effect.scoped(
    Effect.zipRight(
      listen({ host: "127.0.0.1", port: Number(port), handler: answer, onStop: Effect.void }),
      Effect.never
    )
  )
)
