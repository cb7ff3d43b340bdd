/**
 * Who may talk to the service: requests addressed to this machine, from this machine's own pages or from no page at
 * all. Listening on loopback keeps other machines out; this keeps out the pages of other sites in a local browser, by
 * their Origin and, where a foreign name resolves to loopback (DNS rebinding), by the Host they ask for.
 */
import { type Headers, HttpLayerRouter, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { Effect } from "effect"

const loopbackNames: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"])

const isLoopback = (url: string): boolean => loopbackNames.has(URL.parse(url)?.hostname ?? "")

export const isAllowed = (headers: Headers.Headers): boolean => {
  const { host, origin } = headers
  return host !== undefined && isLoopback(`http://${host}`) && (origin === undefined || isLoopback(origin))
}

const sentence = "This service answers programs and pages of this machine only."

/** Refuses who may not enter, and logs what a route dies of: the client sees an empty 500. */
export const layer = HttpLayerRouter.middleware(
  (route) =>
    Effect.gen(function* () {
      const { headers } = yield* HttpServerRequest.HttpServerRequest
      if (isAllowed(headers)) return yield* route
      yield* Effect.logWarning("Refused at the door").pipe(
        Effect.annotateLogs({ host: headers["host"], origin: headers["origin"] })
      )
      return HttpServerResponse.unsafeJson({ error: { code: "forbidden", message: sentence } }, { status: 403 })
    }).pipe(Effect.tapDefect((cause) => Effect.logError("A route died", cause))),
  { global: true }
)
