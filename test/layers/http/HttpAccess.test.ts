/** Access on a real socket, in front of routes that answer, read, upgrade, and break. */
import { HttpLayerRouter, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { describe, it } from "@effect/vitest"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Cause, Context, Effect, Layer, Logger, Option, Redacted, Tracer } from "effect"
import { request as httpRequest } from "node:http"
import { connect as connectTcp } from "node:net"
import { inspect } from "node:util"
import { WebSocket } from "ws"
import * as HttpAccess from "../../../src/layers/http/HttpAccess.ts"
import * as HttpListener from "../../../src/layers/http/HttpListener.ts"
import { assert } from "../../support/assert.ts"

const token = "correct-horse-battery-staple"

const routes = Layer.mergeAll(
  HttpLayerRouter.add("GET", "/", HttpServerResponse.text("the page")),
  HttpLayerRouter.add("GET", "/health/live", HttpServerResponse.text("live")),
  HttpLayerRouter.add("GET", "/defect", Effect.die(new Error("cannot read /home/someone/secret.flac"))),
  HttpLayerRouter.add("GET", "/failure", Effect.fail(new Error("cannot read /home/someone/secret.flac"))),
  HttpLayerRouter.add("POST", "/echo", (request) => Effect.map(request.text, (text) => HttpServerResponse.text(text))),
  HttpLayerRouter.add("GET", "/url", (request) =>
    Effect.succeed(HttpServerResponse.text(`${request.url} ${NodeHttpServerRequest.toIncomingMessage(request).url}`))
  ),
  HttpLayerRouter.add("POST", "/read", (request) =>
    Effect.zipRight(
      Effect.logInfo(`${request} ${request.originalUrl}`),
      Effect.map(Effect.orDie(request.json), HttpServerResponse.unsafeJson)
    )
  ),
  HttpLayerRouter.add("POST", "/json", (request) => Effect.map(request.json, HttpServerResponse.unsafeJson)),
  HttpLayerRouter.add(
    "GET",
    "/ws",
    Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const socket = yield* request.upgrade
      yield* Effect.ignore(socket.runRaw(() => Effect.void))
      return HttpServerResponse.empty()
    }).pipe(Effect.scoped)
  )
)

interface Answer {
  readonly status: number
  readonly body: string
  readonly headers: Record<string, string | ReadonlyArray<string> | undefined>
}

interface Ask {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** With node:http and not fetch, which sets Host itself. Status 0: the connection was cut. */
const asker =
  (port: number) =>
  (path: string, { method = "GET", headers = {}, body }: Ask = {}) =>
    Effect.async<Answer>((resume) => {
      const options = { host: "127.0.0.1", port, path, method, headers, agent: false }
      const sent = httpRequest(options, (response) => {
        let text = ""
        response.on("data", (chunk: Buffer) => (text += chunk.toString()))
        response.on("end", () =>
          resume(Effect.succeed({ status: response.statusCode ?? 0, body: text, headers: response.headers }))
        )
      })
      sent.on("error", () => resume(Effect.succeed({ status: 0, body: "", headers: {} })))
      sent.end(body)
    })

/** Status of an upgrade: 101, or that of the refusal. */
const upgrade = (port: number, path: string, headers: Record<string, string> = {}) =>
  Effect.async<number>((resume) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers })
    socket.on("open", () => {
      resume(Effect.succeed(101))
      socket.close(1000)
    })
    socket.on("unexpected-response", (_request, response) => {
      resume(Effect.succeed(response.statusCode ?? 0))
      response.resume()
    })
    socket.on("error", () => undefined)
  })

const open: HttpAccess.AccessOptions = {
  host: "127.0.0.1",
  token: Option.none(),
  origins: [],
  requestsPerSecond: 1000
}
const locked: HttpAccess.AccessOptions = { ...open, host: "0.0.0.0", token: Option.some(Redacted.make(token)) }

/** Listens on loopback whatever address the rules are told. */
const behind = (options: HttpAccess.AccessOptions) =>
  Effect.gen(function* () {
    const access = HttpLayerRouter.serve(Layer.merge(HttpAccess.layer(options), routes), {
      disableLogger: true,
      disableListenLog: true
    })
    const context = yield* Layer.build(
      Layer.effect(Address, HttpListener.addressOf).pipe(
        Layer.provideMerge(access),
        Layer.provide(HttpListener.layer({ host: "127.0.0.1", port: 0 }))
      )
    )
    const port = Number(new URL(Context.get(context, Address)).port)
    return { port, ask: asker(port), upgrade: (path: string, headers = {}) => upgrade(port, path, headers) }
  })

class Address extends Context.Tag("Address")<Address, string>() {}

const statusOf = (answer: Effect.Effect<Answer>) => Effect.map(answer, ({ status }) => status)

/** Of a problem, which is known by its shape. */
const codeOf = ({ body }: Answer): string => {
  const problem = JSON.parse(body)
  assert.deepStrictEqual(Object.keys(problem), ["_tag", "code", "message"])
  return problem.code
}

const makeTracer = () => {
  const spans: Array<Tracer.Span> = []
  const tracer = Tracer.make({
    span: (name, parent, context, links, startTime, kind) => {
      const attributes = new Map<string, unknown>()
      const span: Tracer.Span = {
        _tag: "Span",
        name,
        spanId: "1".repeat(16),
        traceId: "1".repeat(32),
        parent,
        context,
        links,
        kind,
        sampled: true,
        status: { _tag: "Started", startTime },
        attributes,
        attribute: (key, value) => void attributes.set(key, value),
        event: () => undefined,
        addLinks: () => undefined,
        end: () => undefined
      }
      spans.push(span)
      return span
    },
    context: (execution) => execution()
  })
  return { spans, tracer }
}

/** The Origin that a browser sends with a page's form to the page's own service, by the page's Referrer-Policy (Fetch, 3.1). */
const originOfForm = ({ headers }: Answer, port: number): string =>
  headers["referrer-policy"] === "no-referrer" ? "null" : `http://127.0.0.1:${port}`

describe("Access on loopback", () => {
  it.scopedLive("let in programs and pages of this machine, and keep foreign names and pages out", () =>
    Effect.gen(function* () {
      const { ask, port, upgrade } = yield* behind({ ...open, origins: ["https://music.example.org"] })
      const cases: ReadonlyArray<readonly [Record<string, string>, number]> = [
        [{}, 200],
        [{ host: `localhost:${port}` }, 200],
        [{ host: "[::1]:1" }, 200],
        [{ origin: `http://127.0.0.1:${port}` }, 200],
        [{ origin: "http://localhost:3000" }, 200],
        [{ origin: "https://music.example.org" }, 200],
        [{ host: "music.example.org", origin: "https://music.example.org" }, 200],
        [{ host: "evil.example" }, 403],
        [{ host: "localhost.evil.example" }, 403],
        [{ host: "[" }, 403],
        [{ host: "evil.example", origin: "http://evil.example" }, 403],
        [{ origin: "http://evil.example" }, 403],
        [{ origin: "http://localhost.evil.example" }, 403],
        [{ origin: "null" }, 403],
        [{ origin: "" }, 403],
        [{ origin: "https://music.example.org.evil.example" }, 403],
        [{ origin: `ftp://127.0.0.1:${port}` }, 403],
        [{ origin: `chrome-extension://127.0.0.1:${port}` }, 403],
        [{ origin: "file://localhost" }, 403],
        [{ "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" }, 200],
        [{ "sec-fetch-site": "none", "sec-fetch-mode": "navigate" }, 200],
        [{ "sec-fetch-site": "same-site", origin: "http://localhost:3000" }, 200],
        [{ "sec-fetch-site": "cross-site", origin: "https://music.example.org" }, 200],
        [{ "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }, 403]
      ]
      for (const [headers, expected] of cases) {
        assert.strictEqual(yield* statusOf(ask("/", { headers })), expected, JSON.stringify(headers))
        const upgraded = yield* upgrade("/ws", headers)
        assert.strictEqual(upgraded, expected === 200 ? 101 : 403, `upgrade ${JSON.stringify(headers)}`)
      }
    })
  )

  it.scopedLive("open a page by a link from elsewhere, and nothing but pages", () =>
    Effect.gen(function* () {
      const { ask } = yield* behind(open)
      const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" }
      assert.strictEqual(yield* statusOf(ask("/", { headers: link })), 200)
      assert.strictEqual(yield* statusOf(ask("/?from=elsewhere", { headers: link })), 200)
      const cases: ReadonlyArray<readonly [string, Ask]> = [
        ["/health/live", { headers: link }],
        ["/api/status", { headers: link }],
        ["/echo", { method: "POST", headers: link, body: "form" }],
        ["/", { headers: { ...link, "sec-fetch-dest": "iframe" } }],
        ["/", { headers: { ...link, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image" } }],
        ["/", { headers: { ...link, origin: "http://evil.example" } }]
      ]
      for (const [path, options] of cases) {
        const answer = yield* ask(path, options)
        assert.deepStrictEqual(
          [answer.status, codeOf(answer)],
          [403, "foreign_origin"],
          JSON.stringify([path, options])
        )
      }
    })
  )

  it.scopedLive("put no query into spans, and none of it into what routes and the log get of a token", () =>
    Effect.gen(function* () {
      const { spans, tracer } = makeTracer()
      const logged: Array<string> = []
      const logger = Logger.make(({ cause, message }) => void logged.push(inspect(message) + Cause.pretty(cause)))
      const { ask, upgrade } = yield* behind(locked).pipe(
        Effect.provide([Layer.setTracer(tracer), Logger.replace(Logger.defaultLogger, logger)])
      )
      const headers = { referer: `http://localhost/?token=${token}` }
      const told = [
        yield* ask(`/url?token=${token}&search=miles&limit=3`, { headers }),
        yield* ask(`/failure?token=${token}`),
        yield* ask(`/read?token=${token}`, { method: "POST", body: "{", headers })
      ]
      assert.deepStrictEqual(
        told.map(({ status }) => status),
        [200, 500, 400]
      )
      assert.strictEqual(told[0]!.body, "/url?search=miles&limit=3 /url?search=miles&limit=3")
      assert.strictEqual(yield* upgrade(`/ws?token=${token}`), 101)
      assert.strictEqual(yield* upgrade("/ws?token=wrong"), 401)
      const traces = spans.map(({ attributes, name }) => `${name} ${JSON.stringify([...attributes])}`)
      assert.strictEqual(traces.filter((trace) => trace.startsWith("http.server ")).length, 5)
      assert.includes(traces[0], '["url.path","/url"]')
      assert.includes(traces[0], '["http.response.status_code",200]')
      assert.isAbove(logged.length, 0)
      for (const text of [...traces, ...logged]) assert.doesNotMatch(text, /token=|miles|correct-horse/)
    })
  )

  it.scopedLive("go on with a trace of W3C, of callers that are let in, and with nothing else", () =>
    Effect.gen(function* () {
      const { spans, tracer } = makeTracer()
      const { ask } = yield* behind(locked).pipe(Effect.provide(Layer.setTracer(tracer)))
      const [traceId, spanId] = ["ab".repeat(16), "cd".repeat(8)]
      const authorization = `Bearer ${token}`
      const w3c = { traceparent: `00-${traceId}-${spanId}-01` }
      for (const headers of [
        { authorization, ...w3c },
        w3c,
        { authorization, ...w3c, origin: "http://evil.example" },
        { authorization, b3: "<script>-forged line-1" },
        { authorization, "x-b3-traceid": "<script>", "x-b3-spanid": "x" },
        { authorization, traceparent: `00-${"x".repeat(32)}-${spanId}-01` }
      ]) {
        yield* ask("/", { headers })
      }
      const parents = spans.flatMap(({ name, parent }) => (name.startsWith("http.server ") ? [parent] : []))
      assert.deepStrictEqual(
        parents.map((parent) => Option.getOrUndefined(Option.map(parent, ({ spanId, traceId }) => [traceId, spanId]))),
        [[traceId, spanId], undefined, undefined, undefined, undefined, undefined]
      )
    })
  )

  it.scopedLive("tell no path and no stack, whatever a route breaks of", () =>
    Effect.gen(function* () {
      const { ask } = yield* behind(open)
      const cases: ReadonlyArray<readonly [string, Ask, number, string]> = [
        ["/defect", {}, 500, "internal"],
        ["/failure", {}, 500, "internal"],
        ["/nothing", {}, 404, "not_found"],
        ["/api/nothing", {}, 404, "not_found"],
        ["/api/scan", { method: "DELETE" }, 405, "method_not_allowed"],
        ["/api/tracks/7/plan", { method: "POST" }, 405, "method_not_allowed"],
        ["/api/supervision", { method: "PUT" }, 405, "method_not_allowed"],
        ["/..%2f..%2fetc%2fpasswd", {}, 404, "not_found"],
        ["/", { method: "DELETE" }, 404, "not_found"],
        ["/json", { method: "POST", body: "{" }, 400, "invalid_request"],
        ["/", { headers: { host: "evil.example" } }, 403, "foreign_host"]
      ]
      for (const [path, options, status, code] of cases) {
        const answer = yield* ask(path, options)
        assert.strictEqual(answer.status, status, path)
        assert.strictEqual(codeOf(answer), code, path)
        assert.doesNotMatch(answer.body, /secret|\/home|\.ts|\.js|\n\s+at /)
        assert.hasFields(answer.headers, {
          "x-content-type-options": "nosniff",
          "cross-origin-resource-policy": "same-origin"
        })
      }
    })
  )

  it.scopedLive("take no body of more than 64 KiB, declared or not", () =>
    Effect.gen(function* () {
      const { ask } = yield* behind(open)
      const body = "a".repeat(64 * 1024)
      assert.strictEqual((yield* ask("/echo", { method: "POST", body })).body.length, body.length)
      const declared = yield* ask("/echo", { method: "POST", body: `${body}a` })
      assert.deepStrictEqual([declared.status, codeOf(declared)], [413, "body_too_large"])
      const headers = { "transfer-encoding": "chunked" }
      const undeclared = yield* ask("/echo", { method: "POST", body: `${body}a`, headers })
      assert.strictEqual(undeclared.status, 0)
    })
  )

  it.scopedLive("hold an address to its budget, over all paths and connections", () =>
    Effect.gen(function* () {
      const { ask, upgrade } = yield* behind({ ...open, requestsPerSecond: 1 })
      assert.strictEqual(yield* statusOf(ask("/")), 200)
      assert.strictEqual(yield* statusOf(ask("/nothing")), 404)
      const refused = yield* ask("/health/live")
      assert.deepStrictEqual(
        [refused.status, codeOf(refused), refused.headers["retry-after"]],
        [429, "too_many_requests", "1"]
      )
      assert.strictEqual(yield* upgrade("/ws"), 429)
    })
  )

  it.scopedLive("hold nothing that others make a browser do against its budget", () =>
    Effect.gen(function* () {
      const { ask } = yield* behind({ ...open, requestsPerSecond: 1 })
      for (const headers of [
        { origin: "http://evil.example" },
        { host: "evil.example" },
        { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }
      ]) {
        for (let n = 0; n < 5; n++) assert.strictEqual(yield* statusOf(ask("/", { headers })), 403)
      }
      assert.strictEqual(yield* statusOf(ask("/")), 200)
    })
  )

  it.scopedLive("stand when a client resets an upgrade that is refused", () =>
    Effect.gen(function* () {
      const { ask, port } = yield* behind(open)
      const reset = Effect.async<void>((resume) => {
        const socket = connectTcp(port, "127.0.0.1", () => {
          socket.write(
            "GET /ws HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
          )
          socket.resetAndDestroy()
        })
        socket.on("close", () => resume(Effect.void))
        socket.on("error", () => undefined)
      })
      yield* Effect.repeatN(reset, 20)
      assert.strictEqual(yield* statusOf(ask("/")), 200)
    })
  )
})

describe("Access beyond loopback", () => {
  it.scopedLive("open with the token only, as a header, in the address, or as the cookie that it earns", () =>
    Effect.gen(function* () {
      const { ask, upgrade } = yield* behind(locked)
      const link = yield* ask(`/?token=${token}`, { headers: { accept: "text/html" } })
      assert.hasFields(link.headers, { location: "/" })
      assert.strictEqual(link.status, 303)
      const [cookie = ""] = link.headers["set-cookie"] ?? []
      assert.match(cookie, /^lathe_session=[0-9a-f]{64}; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax$/)
      assert.excludes(cookie, token)
      const pair = cookie.split(";")[0]!

      const cases: ReadonlyArray<readonly [string, Record<string, string>, boolean]> = [
        ["", {}, false],
        ["", { authorization: `Bearer ${token}` }, true],
        ["", { authorization: `bearer ${token}` }, true],
        ["", { authorization: `Bearer ${token}x` }, false],
        ["", { authorization: `Bearer ${token.slice(1)}` }, false],
        ["", { authorization: "Bearer" }, false],
        ["", { authorization: `Basic ${token}` }, false],
        [`?token=${token}`, {}, true],
        [`?token=${token.toUpperCase()}`, {}, false],
        ["?token=", {}, false],
        ["", { cookie: pair }, true],
        ["", { cookie: `a=b; ${pair}` }, true],
        ["", { cookie: `lathe_session=${token}` }, false],
        ["", { cookie: pair, authorization: "Bearer wrong" }, false],
        ["", { cookie: pair, origin: "http://evil.example" }, false]
      ]
      for (const [query, headers, isIn] of cases) {
        const told = `${query} ${JSON.stringify(headers)}`
        const foreign = headers["origin"] === undefined ? 401 : 403
        assert.strictEqual(yield* statusOf(ask(`/${query}`, { headers })), isIn ? 200 : foreign, told)
        assert.strictEqual(yield* upgrade(`/ws${query}`, headers), isIn ? 101 : foreign, `upgrade ${told}`)
      }
    })
  )

  it.scopedLive("tell a supervisor that the service lives, and nothing else", () =>
    Effect.gen(function* () {
      const { ask } = yield* behind(locked)
      assert.strictEqual(yield* statusOf(ask("/health/live")), 200)
      for (const path of ["/health/live/", "/health/live/../../defect", "//host/health/live", "/defect", "/nothing"]) {
        const answer = yield* ask(path)
        assert.deepStrictEqual([answer.status, codeOf(answer)], [401, "token_required"], path)
        assert.strictEqual(answer.headers["www-authenticate"], "Bearer")
      }
    })
  )

  it.scopedLive("tell no page of another site how the service is, although that takes no token", () =>
    Effect.gen(function* () {
      for (const options of [open, locked]) {
        const { ask } = yield* behind(options)
        for (const path of ["/health", "/health/live", "/health/ready"]) {
          const answer = yield* ask(path, { headers: { origin: "http://evil.example" } })
          assert.deepStrictEqual([answer.status, codeOf(answer)], [403, "foreign_origin"], path)
        }
      }
    })
  )

  it.scopedLive("answer by any name, for they know their token but not their names", () =>
    Effect.gen(function* () {
      const { ask } = yield* behind(locked)
      const headers = { host: "nas.local:8765", authorization: `Bearer ${token}` }
      assert.strictEqual(yield* statusOf(ask("/", { headers })), 200)
      assert.strictEqual(yield* statusOf(ask("/", { headers: { ...headers, origin: "http://nas.local:8765" } })), 200)
      assert.strictEqual(yield* statusOf(ask("/", { headers: { ...headers, origin: "http://nas.local:1" } })), 403)
    })
  )

  it.scopedLive("show a person where to log in, and take the token from there", () =>
    Effect.gen(function* () {
      const { ask, port } = yield* behind(locked)
      const accept = "text/html,application/xhtml+xml"
      const page = yield* ask("/", { headers: { accept } })
      assert.strictEqual(page.status, 401)
      assert.includes(page.body, '<form method="post" action="/login">')
      assert.includes(String(page.headers["content-security-policy"]), "default-src 'none'")
      const post = (body: string, headers = {}) =>
        ask("/login", {
          method: "POST",
          body,
          headers: {
            "content-type": "application/x-www-form-urlencoded",
            origin: originOfForm(page, port),
            ...headers
          }
        })
      assert.strictEqual(page.headers["referrer-policy"], "same-origin")
      const wrong = yield* post("token=%3Cscript%3E")
      assert.strictEqual(wrong.status, 401)
      assert.excludes(wrong.body, "<script>")
      assert.isUndefined(wrong.headers["set-cookie"])
      const right = yield* post(`token=${token}`)
      assert.strictEqual(right.status, 303)
      assert.isDefined(right.headers["set-cookie"])
      assert.strictEqual(yield* statusOf(post(`token=${token}`, { origin: "http://evil.example" })), 403)
    })
  )
})
