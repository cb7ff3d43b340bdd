/**
 * Stands in for the fingerprint server's process: `node scriptedFingerprintServer.ts PORT [BEHAVIOUR]`.
 * `GET /health` gives its process id. Behaviours: `stubborn` takes no notice of SIGTERM, `failing` ends at once.
 */
import { createServer } from "node:http"

const [port, behaviour] = process.argv.slice(2)

if (behaviour === "failing") process.exit(1)
if (behaviour === "stubborn") process.on("SIGTERM", () => {})
process.once("disconnect", () => process.exit(0))

createServer((_request, response) => response.end(String(process.pid))).listen(Number(port), "127.0.0.1")
