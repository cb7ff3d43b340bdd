import { describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { latheAt, nameHolder } from "../../src/commands/portHolder.ts"
import { PortUnavailable } from "../../src/domain/http/PortUnavailable.ts"
import { assert } from "../support/assert.ts"

/** The port of a server that answers this, with the scope. */
const answering = (body: string) =>
  Effect.gen(function* () {
    const server = createServer((request, response) => response.end(request.url === "/health" ? body : ""))
    yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
    return yield* Effect.async<number>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
    })
  })

const taken = (port: number, host = "127.0.0.1") =>
  new PortUnavailable({ server: "The service", host, port, detail: "EADDRINUSE" })

describe("A port that is taken", () => {
  it.scopedLive("is told whose it is", () =>
    Effect.gen(function* () {
      const service = yield* answering('{"status":"ok","fingerprint_server":"available"}')
      const fingerprints = yield* answering('{"status":"ok","version":"1","algorithm_version":3}')
      const other = yield* answering("<html></html>")
      assert.deepStrictEqual(yield* latheAt("0.0.0.0", service), Option.some("service"))
      const of = (port: number) => Effect.map(Effect.flip(nameHolder(taken(port))), ({ message }) => message)
      assert.strictEqual(
        yield* of(service),
        `The service cannot listen on 127.0.0.1:${service}: a service of lathe that answers at http://127.0.0.1:${service}/ has the port. Choose another one with --port, or end that first.`
      )
      assert.includes(yield* of(fingerprints), "a fingerprint server of lathe")
      assert.includes(yield* of(other), "another program has the port")
    })
  )

  it.effect("is not asked after where the address is the fault", () =>
    Effect.gen(function* () {
      const error = new PortUnavailable({
        server: "The service",
        host: "203.0.113.7",
        port: 1,
        detail: "EADDRNOTAVAIL"
      })
      assert.strictEqual(yield* Effect.flip(nameHolder(error)), error)
    })
  )
})
