/**
 * Access to the service: what every request passes before a route sees it, upgrades to WebSocket included, and what
 * every answer passes on its way out. Lets in by budget, Host, Origin, size and token; turns what a route fails of into
 * a code and a sentence, with never a path or a stack in it.
 */
import {
  HttpLayerRouter,
  HttpMiddleware,
  HttpServerError,
  HttpServerRequest,
  HttpServerResponse,
  HttpTraceContext
} from "@effect/platform"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Cause, Clock, Duration, Effect, Exit, Layer, Metric, Option, type Redacted } from "effect"
import { type AccessPolicy, type Caller, foreignness, isLoopbackHost, missingToken } from "../../domain/http/Access.ts"
import * as Metrics from "../../domain/telemetry/Metrics.ts"
import { makeRequestBudgets } from "../../domain/streaming/RequestBudget.ts"
import { type AccessToken, cookieName, makeAccessToken } from "./accessToken.ts"
import { methodsAt } from "./apiMethods.ts"
import { HttpListener } from "./HttpListener.ts"
import * as LoginPage from "./loginPage.ts"
import { problem } from "./problems.ts"

export interface AccessOptions {
  /** The address that the service listens on. */
  readonly host: string
  /** Without one, everybody who reaches the service may use it. */
  readonly token: Option.Option<Redacted.Redacted>
  /** Origins whose pages may use it, beside its own and those of this machine. */
  readonly origins: ReadonlyArray<string>
  /** Of one remote address, in the long run; twice as many at once. */
  readonly requestsPerSecond: number
}

/** Of a request's body: the longest call has a few hundred bytes. */
const largestBodyBytes = 64 * 1024

const rememberedAddresses = 4096

const cookieLifetime = Duration.days(90)

const unusableBody = problem(400, "invalid_request", "The request's body cannot be used.")

const refuse = (
  status: number,
  reason: string,
  message: string,
  headers: Readonly<Record<string, string>> = {}
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Metric.increment(Metrics.httpRefusals).pipe(
    Effect.tagMetrics("reason", reason),
    Effect.zipRight(Effect.logDebug(`Request refused: ${reason}`)),
    Effect.as(problem(status, reason, message, headers))
  )

type Request = HttpServerRequest.HttpServerRequest

/** As the router takes it: everything before the query, nothing decoded or resolved. */
const pathOf = ({ url }: Request): string => url.split("?", 1)[0]!

const queryOf = ({ url }: Request): URLSearchParams => {
  const start = url.indexOf("?")
  return new URLSearchParams(start === -1 ? "" : url.slice(start + 1))
}

/**
 * The request with no token in its address, which is read here and nowhere else: what fails behind this, and Node's own
 * request, are printed with their address.
 */
const withoutToken = (request: Request): Request => {
  const query = queryOf(request)
  if (!query.has("token")) return request
  query.delete("token")
  const url = query.size === 0 ? pathOf(request) : `${pathOf(request)}?${query}`
  NodeHttpServerRequest.toIncomingMessage(request).url = url
  return request.modify({ url })
}

const showsToken = (token: AccessToken, request: Request): boolean => {
  const [, bearer] = /^Bearer +(\S+)$/i.exec(request.headers["authorization"] ?? "") ?? []
  const shown = bearer ?? queryOf(request).get("token")
  if (shown !== null) return token.isToken(shown)
  const cookie = request.cookies[cookieName]
  return cookie !== undefined && token.isCookie(cookie)
}

/** Where the browser goes on: without the token in its address, and with the cookie. */
const loggedIn = (token: AccessToken) =>
  HttpServerResponse.unsafeSetCookie(
    HttpServerResponse.empty({ status: 303, headers: { location: "/", "cache-control": "no-store" } }),
    cookieName,
    token.cookie,
    // Not "strict": whoever comes by a link with the token from another site would be asked for it at once. What is no
    // link, forms and WebSockets of other sites, ends at their Origin.
    { httpOnly: true, sameSite: "lax", path: "/", maxAge: cookieLifetime }
  )

const logIn = (token: AccessToken, request: Request) =>
  request.urlParamsBody.pipe(
    Effect.map((fields) => fields.find(([name]) => name === "token")?.[1] ?? ""),
    Effect.map((shown) => (token.isToken(shown) ? loggedIn(token) : LoginPage.response("That is not the token."))),
    Effect.orElseSucceed(() => unusableBody)
  )

/** A person at the start page is shown where to log in; everything else is told in JSON. */
const isPersonAtStart = (request: Request): boolean =>
  request.method === "GET" && pathOf(request) === "/" && (request.headers["accept"] ?? "").includes("text/html")

/**
 * What a browser is to make of any answer, unless that says otherwise itself: what it says it is, shown nowhere else, and
 * no address told to others.
 */
const commonHeaders = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "x-frame-options": "DENY",
  "cross-origin-resource-policy": "same-origin"
}

const countAnswer = (status: number) =>
  Metric.increment(Metrics.httpRequests).pipe(Effect.tagMetrics("status", `${Math.floor(status / 100)}xx`))

const notFound = (request: Request) => {
  const methods = methodsAt(pathOf(request))
  return methods.length === 0
    ? problem(404, "not_found", "There is nothing at this address.")
    : problem(405, "method_not_allowed", `This address takes ${methods.join(" and ")} only.`, {
        allow: methods.join(", ")
      })
}

/** What a route failed of, for the client: the details are for the log. */
const explain = (request: Request, cause: Cause.Cause<unknown>) => {
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  if (failure instanceof HttpServerError.RouteNotFound) return Effect.succeed(notFound(request))
  // Of a body that breaks off, or is none, also where whoever reads it has not reckoned with that.
  const fault = failure ?? Option.getOrUndefined(Cause.dieOption(cause))
  if (fault instanceof HttpServerError.RequestError) return Effect.succeed(unusableBody)
  return Effect.logError("A route died", cause).pipe(
    Effect.as(problem(500, "internal", "The service could not answer. Its log says why."))
  )
}

/** As W3C Trace Context has it: its other forms, such as b3, are taken by Effect whatever they hold. */
const traceParent = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

/** The caller's own span. Whoever is not let in writes nothing into traces. */
const parentOf = ({ headers }: Request, isLetIn: boolean) =>
  isLetIn && traceParent.test(headers["traceparent"] ?? "")
    ? Option.getOrUndefined(HttpTraceContext.w3c(headers))
    : undefined

/** Without the query, which may hold a token or what somebody searches for; and without any header. */
const traced = (request: Request, isLetIn: boolean) =>
  Effect.withSpan(`http.server ${request.method}`, {
    kind: "server",
    captureStackTrace: false,
    parent: parentOf(request, isLetIn),
    attributes: { "http.request.method": request.method, "url.path": pathOf(request) }
  })

const noteStatus = ({ status }: HttpServerResponse.HttpServerResponse) =>
  Effect.annotateCurrentSpan("http.response.status_code", status)

/** Effect's own spans of requests have the whole address in them. */
const noOtherSpans = Layer.scopedDiscard(Effect.locallyScoped(HttpMiddleware.currentTracerDisabledWhen, () => true))

/** The answer to who is not let in, or has just logged in; undefined: the route's turn. */
const makeEntrance = (options: AccessOptions, trust: (address: string) => void) => {
  const token = Option.getOrUndefined(Option.map(options.token, makeAccessToken))
  const policy: AccessPolicy = {
    isLoopback: isLoopbackHost(options.host),
    needsToken: token !== undefined,
    origins: new Set(options.origins)
  }
  const takeRequest = makeRequestBudgets({
    perSecond: options.requestsPerSecond,
    burst: 2 * options.requestsPerSecond,
    addresses: rememberedAddresses
  })

  /** Undefined: it may enter. */
  const stop = (request: Request) =>
    Effect.gen(function* () {
      const foreign = foreignness(policy, callerOf(request))
      if (foreign !== undefined) return yield* refuse(foreign.status, foreign.code, foreign.message)
      const address = Option.getOrElse(request.remoteAddress, () => "")
      if (!takeRequest(address, yield* Clock.currentTimeMillis)) {
        const sentence = "Too many requests from this address. Wait a second."
        return yield* refuse(429, "too_many_requests", sentence, { "retry-after": "1" })
      }
      if (Number(request.headers["content-length"] ?? 0) > largestBodyBytes)
        return yield* refuse(413, "body_too_large", "A request's body has at most 64 KiB.")
      return undefined
    })

  /** The answer to who has to log in, or does so; undefined: it may enter. */
  const checkToken = (token: AccessToken, request: Request) =>
    Effect.gen(function* () {
      const path = pathOf(request)
      const hasToken = showsToken(token, request)
      if (hasToken && Option.isSome(request.remoteAddress)) trust(request.remoteAddress.value)
      const missing = missingToken(policy, path, hasToken)
      if (request.method === "POST" && path === LoginPage.path) return yield* logIn(token, request)
      if (missing === undefined)
        return isPersonAtStart(request) && queryOf(request).has("token") ? loggedIn(token) : undefined
      if (isPersonAtStart(request)) return LoginPage.response()
      return yield* refuse(missing.status, missing.code, missing.message, { "www-authenticate": "Bearer" })
    })

  return (request: Request) =>
    Effect.gen(function* () {
      return (yield* stop(request)) ?? (token === undefined ? undefined : yield* checkToken(token, request))
    }).pipe(withBoundedBody)
}

const withBoundedBody = HttpServerRequest.withMaxBodySize(Option.some(largestBodyBytes))

const callerOf = (request: Request): Caller => ({
  method: request.method,
  path: pathOf(request),
  host: request.headers["host"],
  origin: request.headers["origin"],
  fetchSite: request.headers["sec-fetch-site"],
  fetchMode: request.headers["sec-fetch-mode"],
  fetchDest: request.headers["sec-fetch-dest"]
})

const middleware = (options: AccessOptions, trust: (address: string) => void) => {
  const answerAtEntrance = makeEntrance(options, trust)
  return HttpLayerRouter.middleware(
    (route) =>
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const atEntrance = yield* Effect.exit(answerAtEntrance(request))
        const isLetIn = Exit.isSuccess(atEntrance) && atEntrance.value === undefined
        const enter = () =>
          Effect.provideService(route, HttpServerRequest.HttpServerRequest, withoutToken(request)).pipe(withBoundedBody)
        return yield* Effect.flatMap(atEntrance, (answer) => answer ?? enter()).pipe(
          // A client that is gone needs no answer.
          Effect.catchAllCause((cause) =>
            Cause.isInterruptedOnly(cause) ? Effect.failCause(cause) : explain(request, cause)
          ),
          Effect.tap((response) => Effect.zipRight(countAnswer(response.status), noteStatus(response))),
          Effect.map((response) => HttpServerResponse.setHeaders(response, { ...commonHeaders, ...response.headers })),
          traced(request, isLetIn)
        )
      }),
    { global: true }
  )
}

export const layer = (options: AccessOptions) =>
  Effect.serviceOption(HttpListener).pipe(
    // Without a listener, as in tests, there is no reserve to have a share in.
    Effect.map((listener) => middleware(options, (address) => Option.getOrUndefined(listener)?.trust(address))),
    Layer.unwrapEffect,
    Layer.merge(noOtherSpans)
  )
