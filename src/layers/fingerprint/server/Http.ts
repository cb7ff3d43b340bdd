/** The fingerprint server's plain HTTP: POST /fingerprint, GET /health and GET /supervision, JSON both ways. */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http"
import { Effect, Exit, Runtime, Schema } from "effect"
import { algorithmVersion } from "../../../domain/fingerprint/Fingerprint.ts"
import type { SupervisorSnapshot } from "../../../domain/supervision/SupervisorSnapshot.ts"
import { type Compute, largestRequestBytes } from "./Grpc.ts"
import { refusalOf, shuttingDown } from "./Refusals.ts"

export interface HttpOptions {
  readonly compute: Compute
  readonly runtime: Runtime.Runtime<never>
  readonly shutdown: AbortSignal
  /** Of the product. */
  readonly version: string
  readonly workers: number
  readonly queueLength: Effect.Effect<number>
  /** Of what measures. */
  readonly supervision: Effect.Effect<SupervisorSnapshot>
}

/** A request's body within this. */
const bodyTimeout = "10 seconds"

const FingerprintBody = Schema.parseJson(
  Schema.Struct({
    /** Comes back as it was sent. */
    track_id: Schema.Union(Schema.String, Schema.Finite),
    filepath: Schema.String
  })
)

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export const make = (options: HttpOptions): RequestListener => {
  const routes: Readonly<
    Record<string, Readonly<Record<string, (request: IncomingMessage) => Effect.Effect<Answer>>>>
  > = {
    "/health": { GET: () => health(options), HEAD: () => health(options) },
    "/supervision": { GET: () => supervision(options), HEAD: () => supervision(options) },
    "/fingerprint": { POST: (request) => fingerprint(options, request) }
  }
  return (request, response) => {
    const methods = routes[request.url?.split("?", 1)[0] ?? ""]
    const route = methods?.[request.method ?? ""]
    const answer =
      route?.(request) ??
      Effect.succeed(
        methods === undefined
          ? refuse(404, "NotFound", "There is nothing here. POST /fingerprint, GET /health and GET /supervision are.")
          : {
              ...refuse(405, "MethodNotAllowed", "This address takes other methods."),
              headers: { allow: Object.keys(methods).join(", ") }
            }
      )
    const gone = new AbortController()
    response.once("close", () => gone.abort())
    response.once("error", () => gone.abort())
    const signal = AbortSignal.any([gone.signal, options.shutdown])
    void Runtime.runPromiseExit(options.runtime)(answer, { signal }).then((exit) => {
      if (gone.signal.aborted) return
      send(request, response, Exit.isSuccess(exit) ? exit.value : ofRefusal(shuttingDown))
    })
  }
}

const health = ({ version, workers, queueLength }: HttpOptions): Effect.Effect<Answer> =>
  Effect.map(queueLength, (queue_length) => ({
    status: 200,
    body: { status: "ok", version, algorithm_version: algorithmVersion, queue_length, workers }
  }))

const supervision = ({ supervision }: HttpOptions): Effect.Effect<Answer> =>
  Effect.map(supervision, (body) => ({ status: 200, body }))

const fingerprint = ({ compute }: HttpOptions, request: IncomingMessage): Effect.Effect<Answer> =>
  Effect.gen(function* () {
    const text = yield* readBody(request)
    const { track_id, filepath } = yield* Schema.decodeUnknown(FingerprintBody)(text).pipe(
      Effect.mapError(() => notJson)
    )
    return yield* compute({ trackId: String(track_id), path: filepath }).pipe(
      Effect.map((analysis): Answer => ({ status: 200, body: { track_id, ...analysis } })),
      Effect.catchAllCause((cause) => Effect.succeed(ofRefusal(refusalOf(cause))))
    )
  }).pipe(Effect.catchAll(Effect.succeed))

/** UTF-8, up to the limit. What is beyond it is not kept. */
const readBody = (request: IncomingMessage): Effect.Effect<string, Answer> =>
  Effect.async<string, Answer>((resume) => {
    const pieces: Array<Buffer> = []
    let bytes = 0
    if (Number(request.headers["content-length"] ?? 0) > largestRequestBytes) return resume(Effect.fail(tooLarge))
    request.on("data", (piece: Buffer) => {
      bytes += piece.length
      if (bytes <= largestRequestBytes) return void pieces.push(piece)
      pieces.length = 0
      resume(Effect.fail(tooLarge))
    })
    request.once("end", () => resume(Effect.succeed(Buffer.concat(pieces).toString("utf8"))))
    request.once("error", () => resume(Effect.fail(notJson)))
  }).pipe(Effect.timeoutFail({ duration: bodyTimeout, onTimeout: () => tooSlow }))

const refuse = (status: number, code: string, message: string): Answer => ({
  status,
  body: { error: { code, message } }
})

const ofRefusal = ({ http, code, message }: { http: number; code: string; message: string }): Answer => ({
  ...refuse(http, code, message),
  ...(http === 429 || http === 503 ? { headers: { "retry-after": "1" } } : {})
})

const notJson = refuse(400, "InvalidRequest", 'The body must be JSON: {"track_id": ..., "filepath": "..."}.')
const tooLarge = refuse(413, "TooLarge", `The body may have ${largestRequestBytes / 1024} KB at most.`)
const tooSlow = refuse(408, "TooSlow", "The body took too long to arrive.")

/** Over HTTP/1.1: whether a page of another site could be behind this request (DNS rebinding, cross-site posts). */
export const isFromElsewhere = (request: IncomingMessage, boundHost: string): boolean => {
  if (request.httpVersionMajor !== 1) return false
  const { host, origin } = request.headers
  // A server on all interfaces is addressed by the one that a request came in on.
  const isOurs = (name: string | undefined) =>
    name !== undefined && [...loopback, boundHost, request.socket.localAddress].includes(name)
  return !isOurs(hostnameOf(`http://${host ?? ""}`)) || (origin !== undefined && !isOurs(hostnameOf(origin)))
}

export const refuseElsewhere = (request: IncomingMessage, response: ServerResponse) =>
  send(request, response, refuse(403, "ForeignHost", "This server answers requests to its own address only."))

const loopback: ReadonlyArray<string> = ["localhost", "127.0.0.1", "::1"]

const hostnameOf = (url: string): string | undefined =>
  URL.canParse(url) ? new URL(url).hostname.replace(/^\[(.*)\]$/, "$1") : undefined

const send = (request: IncomingMessage, response: ServerResponse, { status, body, headers }: Answer) => {
  const text = JSON.stringify(body)
  // An unread rest of a body would be taken for the next request.
  const isUnread = !request.readableEnded && request.method !== "GET" && request.method !== "HEAD"
  if (isUnread) request.resume()
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    ...headers,
    ...(isUnread && request.httpVersionMajor === 1 ? { connection: "close" } : {})
  })
  response.end(request.method === "HEAD" ? undefined : text)
}
