/** The fingerprint server called by clients that are not ours. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile, spawnSync } from "node:child_process"
import { promisify } from "node:util"
import {
  ComputeFingerprintRequestSchema,
  ComputeFingerprintResponseSchema
} from "../../gen/lathe/fingerprint/v1/fingerprint_pb.js"
import { dimensionNames } from "../../src/domain/fingerprint/Fingerprint.ts"
import { assert } from "../support/assert.ts"
import { temporaryFolder, writeAudioFile } from "../support/audioFiles.ts"
import { startFingerprintServer } from "../support/service.ts"
import { trackWith } from "../support/loudTrack.ts"

const run = promisify(execFile)
const sampleRate = 44_100

/** Debian's interpreter: python3-grpcio is for it, whatever else is called python3. */
const python = "/usr/bin/python3"
const hasGrpcio = spawnSync(python, ["-c", "import grpc"]).status === 0

// Messages travel as they are: what is tested is the transport, and that our bytes are what a protobuf reader expects.
const pythonClient = `
import grpc, sys
channel = grpc.insecure_channel(sys.argv[1])
raw = dict(request_serializer=lambda b: b, response_deserializer=lambda b: b)
call = channel.unary_unary('/lathe.fingerprint.v1.FingerprintService/ComputeFingerprint', **raw)
print(call(bytes.fromhex(sys.argv[2]), timeout=60).hex())
`

const withServer = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  const signal = trackWith({ sampleRate, seconds: 4, lufs: -16, crestDb: 14 })
  const path = writeAudioFile(folder, "song", "flac24", signal, { sampleRate })
  const { port } = yield* startFingerprintServer(folder)
  return { path, address: `127.0.0.1:${port}` }
})

describe("The fingerprint server's port", () => {
  it.scopedLive.skipIf(!hasGrpcio)("answers Python's grpcio (skipped without Debian's python3-grpcio)", () =>
    Effect.gen(function* () {
      const { path, address } = yield* withServer
      const request = create(ComputeFingerprintRequestSchema, { trackId: "42", filepath: path })
      const hex = Buffer.from(toBinary(ComputeFingerprintRequestSchema, request)).toString("hex")
      const { stdout } = yield* Effect.promise(() => run(python, ["-c", pythonClient, address, hex]))
      const response = fromBinary(ComputeFingerprintResponseSchema, Buffer.from(stdout.trim(), "hex"))
      assert.strictEqual(response.trackId, "42")
      assert.closeTo(response.fingerprint!.lufs, -16, 0.05)
      assert.closeTo(response.fingerprint!.crestDb, 14, 0.05)
    })
  )

  it.scopedLive("answers POST /fingerprint and GET /health over HTTP/1.1", () =>
    Effect.gen(function* () {
      const { path, address } = yield* withServer
      const post = (body: unknown) =>
        Effect.promise(() => fetch(`http://${address}/fingerprint`, { method: "POST", body: JSON.stringify(body) }))
      const response = yield* post({ track_id: 42, filepath: path })
      assert.strictEqual(response.status, 200)
      const { fingerprint, track_id } = (yield* Effect.promise(() => response.json())) as {
        fingerprint: Record<string, number>
        track_id: unknown
      }
      assert.strictEqual(track_id, 42)
      assert.deepStrictEqual(Object.keys(fingerprint).sort(), [...dimensionNames].sort())
      assert.closeTo(fingerprint["lufs"]!, -16, 0.05)
      assert.strictEqual((yield* post({ track_id: 42, filepath: "/etc/passwd" })).status, 403)
      const health = yield* Effect.promise(async () => (await fetch(`http://${address}/health`)).json())
      assert.hasFields(health, { status: "ok" })
    })
  )
})
