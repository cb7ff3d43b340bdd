/**
 * A fingerprint server as a process, to be stopped and killed: `node fingerprintServerProcess.ts PORT FOLDER`.
 * Prints its port once it listens.
 */
import { Console, Effect } from "effect"
import { makeServer } from "./fingerprintServers.ts"

const [port, folder = "/"] = process.argv.slice(2)

makeServer([folder], { port: Number(port) }).pipe(
  Effect.flatMap((server) => Console.log(server.port)),
  Effect.zipRight(Effect.never),
  Effect.scoped,
  Effect.runFork
)
