/** What HTTP, RPC and WebSocket let callers ask for: the same bounds and defaults, however a number is written. */
import { describe, it } from "@effect/vitest"
import { Either, Schema } from "effect"
import { enhancementQuery } from "../../src/contract/EnhancementRequest.ts"
import { LatheRpcs } from "../../src/contract/LatheRpcs.ts"
import { AlbumQuery, paging, TrackQuery } from "../../src/contract/Lists.ts"
import { asNumber, asText } from "../../src/contract/Numbers.ts"
import { decodeClientMessage } from "../../src/contract/StreamMessages.ts"
import { assert } from "../support/assert.ts"

type Request = Readonly<Record<string, unknown>>
type Decode = (request: Request) => Either.Either<unknown, unknown>

const decodes = <A, I>(schema: Schema.Schema<A, I>): Decode => Schema.decodeUnknownEither(schema)

const rpc = (tag: string): Decode => decodes(LatheRpcs.requests.get(tag)!.payloadSchema as never)

const play: Decode = (request) =>
  Either.map(
    decodeClientMessage(JSON.stringify({ type: "play_enhanced", data: { track_id: 1, ...request } })),
    ({ data }) => data
  )

/** As the query of an address has it. */
const inText = (request: Request): Request =>
  Object.fromEntries(Object.entries(request).map(([name, value]) => [name, String(value)]))

describe("A list", () => {
  for (const [name, text, number, requests] of [
    [
      "of tracks",
      decodes(TrackQuery(asText)),
      decodes(TrackQuery(asNumber)),
      [{}, { limit: 500 }, { search: "a b", cursor: "c" }, { sort: "added", order: "desc" }, { album_id: 3 }]
    ],
    ["of albums", decodes(AlbumQuery(asText)), decodes(AlbumQuery(asNumber)), [{}, { sort: "year", limit: 1 }]],
    [
      "of files",
      decodes(Schema.Struct(paging(asText))),
      decodes(Schema.Struct(paging(asNumber))),
      [{}, { limit: 2, cursor: "x" }]
    ]
  ] as const) {
    it(`${name} is asked for in the same words by HTTP and RPC`, () => {
      for (const request of requests) {
        const decoded = number(request)
        assert.isTrue(Either.isRight(decoded), JSON.stringify(request))
        assert.deepStrictEqual(text(inText(request)), decoded)
      }
      for (const request of [{ limit: 0 }, { limit: 501 }, { limit: 1.5 }, { limit: NaN }]) {
        assert.isTrue(Either.isLeft(number(request)), JSON.stringify(request))
        assert.isTrue(Either.isLeft(text(inText(request))), JSON.stringify(request))
      }
    })
  }
})

describe("What is to be done to a track", () => {
  const everybody: ReadonlyArray<readonly [string, Decode]> = [
    ["HTTP", (request) => decodes(Schema.Struct(enhancementQuery))(inText(request))],
    ["a call", (request) => rpc("GetMasteringPlan")({ track_id: 1, ...request })],
    ["a stream", (request) => rpc("StreamMastered")({ track_id: 1, ...request })],
    ["a message", play]
  ]
  const five = ["balance", "dynamics", "width", "gain", "gain"]

  for (const [name, decode] of everybody) {
    it(`has the same defaults and bounds by ${name}`, () => {
      const decoded = (request: Request) => Either.getOrThrow(decode(request))
      assert.hasFields(decoded({}), { preset: "adaptive", intensity: 1, bypass: [] })
      const wanted = { preset: "warm", intensity: 0.25, bypass: five.slice(0, 4) }
      assert.hasFields(decoded(wanted), wanted)
      for (const refused of [{ preset: "loud" }, { intensity: 1.01 }, { intensity: -1 }, { bypass: ["loudness"] }]) {
        assert.isTrue(Either.isLeft(decode(refused)), JSON.stringify(refused))
      }
      assert.isTrue(Either.isLeft(decode({ bypass: five })), "more stages than there are")
    })
  }

  it("starts and sounds the same by RPC and WebSocket", () => {
    for (const decode of [rpc("StreamMastered"), play]) {
      assert.hasFields(Either.getOrThrow(decode({ track_id: 1 })), { start_position: 0 })
      const wanted = { track_id: 1, start_position: 1.5, sample_rate: 96_000 }
      assert.hasFields(Either.getOrThrow(decode(wanted)), wanted)
      for (const refused of [{ start_position: -1 }, { sample_rate: 22_050 }, { track_id: 0 }]) {
        assert.isTrue(Either.isLeft(decode({ track_id: 1, ...refused })), JSON.stringify(refused))
      }
    }
  })
})
