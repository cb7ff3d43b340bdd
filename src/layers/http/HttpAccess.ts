/**
 * Access to the service: what every request passes before a route sees it, upgrades to WebSocket included, and what
 * every answer passes on its way out. Lets in by budget, Host, Origin, size and token; turns what a route fails of into
 * a code and a sentence, with never a path or a stack in it.
 */
import { HttpLayerRouter, HttpServerError, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { Cause, Clock, Duration, Effect, Metric, Option, type Redacted } from "effect"
import { type AccessPolicy, isLoopbackHost, refusalOf } from "../../domain/http/Access.ts"
import * as Metrics from "../../domain/telemetry/Metrics.ts"
import { makeRequestBudgets } from "../../domain/streaming/RequestBudget.ts"
import { type AccessToken, cookieName, makeAccessToken } from "./accessToken.ts"
import * as LoginPage from "./loginPage.ts"

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

const answer = (status: number, code: string, message: string) =>
  HttpServerResponse.unsafeJson({ error: { code, message } }, { status })

const unusableBody = answer(400, "invalid_request", "The request's body cannot be used.")

const refuse = (status: number, reason: string, message: string) =>
  Metric.increment(Metrics.httpRefusals).pipe(
    Effect.tagMetrics("reason", reason),
    Effect.zipRight(Effect.logDebug(`Request refused: ${reason}`)),
    Effect.as(answer(status, reason, message))
  )

type Request = HttpServerRequest.HttpServerRequest

/** As the router takes it: everything before the query, nothing decoded or resolved. */
const pathOf = ({ url }: Request): string => url.split("?", 1)[0]!

const queryOf = ({ url }: Request): URLSearchParams => {
  const start = url.indexOf("?")
  return new URLSearchParams(start === -1 ? "" : url.slice(start + 1))
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
    { httpOnly: true, sameSite: "strict", path: "/", maxAge: cookieLifetime }
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

/** What a browser is to make of any answer: what it says it is, shown nowhere else, and no address told to others. */
const commonHeaders = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "x-frame-options": "DENY"
}

const countAnswer = (status: number) =>
  Metric.increment(Metrics.httpRequests).pipe(Effect.tagMetrics("status", `${Math.floor(status / 100)}xx`))

/** What a route failed of, for the client: the details are for the log. */
const explain = (cause: Cause.Cause<unknown>) => {
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  if (failure instanceof HttpServerError.RouteNotFound)
    return Effect.succeed(answer(404, "not_found", "There is nothing at this address."))
  if (failure instanceof HttpServerError.RequestError) return Effect.succeed(unusableBody)
  return Effect.logError("A route died", cause).pipe(
    Effect.as(answer(500, "internal", "The service could not answer. Its log says why."))
  )
}

export const layer = (options: AccessOptions) => {
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

  const enter = <E, R>(
    request: Request,
    route: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
  ): Effect.Effect<HttpServerResponse.HttpServerResponse, E, R> =>
    Effect.gen(function* () {
      const { headers } = request
      const path = pathOf(request)
      const address = Option.getOrElse(request.remoteAddress, () => "")
      if (!takeRequest(address, yield* Clock.currentTimeMillis))
        return HttpServerResponse.setHeader(
          yield* refuse(429, "too_many_requests", "Too many requests from this address. Wait a second."),
          "retry-after",
          "1"
        )
      if (Number(headers["content-length"] ?? 0) > largestBodyBytes)
        return yield* refuse(413, "body_too_large", "A request's body has at most 64 KiB.")
      const refusal = refusalOf(policy, {
        path,
        host: headers["host"],
        origin: headers["origin"],
        hasToken: token !== undefined && showsToken(token, request)
      })
      if (token !== undefined && (refusal === undefined || refusal.code === "token_required")) {
        if (request.method === "POST" && path === LoginPage.path) return yield* logIn(token, request)
        if (refusal === undefined && isPersonAtStart(request) && queryOf(request).has("token")) return loggedIn(token)
        if (refusal !== undefined && isPersonAtStart(request)) return LoginPage.response()
      }
      if (refusal === undefined) return yield* route
      const response = yield* refuse(refusal.status, refusal.code, refusal.message)
      return refusal.status === 401 ? HttpServerResponse.setHeader(response, "www-authenticate", "Bearer") : response
    }).pipe(HttpServerRequest.withMaxBodySize(Option.some(largestBodyBytes)))

  return HttpLayerRouter.middleware(
    (route) =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => enter(request, route)).pipe(
        // A client that is gone needs no answer.
        Effect.catchAllCause((cause) => (Cause.isInterruptedOnly(cause) ? Effect.failCause(cause) : explain(cause))),
        Effect.tap((response) => countAnswer(response.status)),
        Effect.map((response) => HttpServerResponse.setHeaders(response, commonHeaders))
      ),
    { global: true }
  )
}
