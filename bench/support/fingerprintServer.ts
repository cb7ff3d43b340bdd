/** `node fingerprintServer.ts FOLDER WORKERS`: a fingerprint server on a free port, which its ListeningLine names. */
import { NodeRuntime } from "@effect/platform-node"
import { launch } from "../../src/layers/FingerprintServer.ts"

const [folder = "", workers] = process.argv.slice(2)

NodeRuntime.runMain(launch({ port: 0, workers: Number(workers), folders: [folder] }))
