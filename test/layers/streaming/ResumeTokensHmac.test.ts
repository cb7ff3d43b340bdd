import { describe, it } from "@effect/vitest"
import { Effect, Layer, Scope, TestClock } from "effect"
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { InvalidResumeToken, type ResumePoint } from "../../../src/domain/streaming/ResumePoint.ts"
import { TrackId } from "../../../src/domain/library/Track.ts"
import * as ResumeTokensHmac from "../../../src/layers/streaming/ResumeTokensHmac.ts"
import { ResumeTokens } from "../../../src/services/ResumeTokens.ts"
import { assert } from "../../support/assert.ts"
import { temporaryFolder } from "../../support/audioFiles.ts"
import { following } from "../../support/renderChain.ts"

const point: ResumePoint = {
  line: "f3b1",
  stream_epoch: 5,
  track_id: TrackId.make(7),
  enhancement: { preset: "warm", intensity: 0.25, enabled: false, bypass: ["width"] },
  asked_sample_rate: 48_000,
  sample_rate: 48_000,
  state: { position: 4096, settings: following, glide: null, follow: null }
}

const tokensOf = (layer: Layer.Layer<ResumeTokens>) => Effect.provide(ResumeTokens, layer)
const withKey = (fill: number) => tokensOf(ResumeTokensHmac.layerKey(new Uint8Array(32).fill(fill)))

const isRefused = (tokens: ResumeTokens["Type"], token: string) =>
  Effect.map(Effect.either(tokens.redeem(token)), (answer) => {
    assert.deepStrictEqual(answer._tag === "Left" ? answer.left : answer.right, new InvalidResumeToken(), token)
  })

describe("ResumeTokensHmac", () => {
  it.effect("gives back what was issued, also by another service with the same key", () =>
    Effect.gen(function* () {
      const token = yield* (yield* withKey(1)).issue(point)
      assert.deepStrictEqual(yield* (yield* withKey(1)).redeem(token), point)
      const original = { ...point, enhancement: null }
      const tokens = yield* withKey(1)
      assert.deepStrictEqual(yield* tokens.redeem(yield* tokens.issue(original)), original)
    })
  )

  it.effect("refuses a token after a day", () =>
    Effect.gen(function* () {
      const tokens = yield* withKey(1)
      const token = yield* tokens.issue(point)
      yield* TestClock.adjust("23 hours")
      assert.deepStrictEqual(yield* tokens.redeem(token), point)
      yield* TestClock.adjust("1 hours")
      yield* isRefused(tokens, token)
    })
  )

  it.effect("refuses what was signed with another key, changed anywhere, or never was a token", () =>
    Effect.gen(function* () {
      const tokens = yield* withKey(1)
      const token = yield* tokens.issue(point)
      yield* isRefused(tokens, yield* (yield* withKey(2)).issue(point))
      const [content, signature] = token.split(".") as [string, string]
      const forged = Buffer.from(
        Buffer.from(content, "base64url").toString().replace('"stream_epoch":5', '"stream_epoch":6')
      ).toString("base64url")
      assert.notStrictEqual(forged, content)
      for (const bad of [
        `${forged}.${signature}`,
        `${content}.${signature.slice(1)}`,
        `${content}.`,
        content,
        `${token}.${signature}`,
        `.${signature}`,
        "",
        "."
      ]) {
        yield* isRefused(tokens, bad)
      }
      for (let at = 0; at < token.length - 1; at += 7) {
        const other = token[at] === "A" ? "B" : "A"
        yield* isRefused(tokens, token.slice(0, at) + other + token.slice(at + 1))
      }
    })
  )

  it.scoped("keeps its key in the data folder, for its owner only", () =>
    Effect.gen(function* () {
      const folder = join(yield* temporaryFolder, "data")
      const first = yield* tokensOf(ResumeTokensHmac.layer(folder))
      const path = join(folder, "resume.key")
      assert.strictEqual(statSync(path).mode & 0o777, 0o600)
      assert.lengthOf(readFileSync(path), 32)
      chmodSync(path, 0o644)
      const second = yield* tokensOf(ResumeTokensHmac.layer(folder))
      assert.deepStrictEqual(yield* second.redeem(yield* first.issue(point)), point)
      assert.strictEqual(statSync(path).mode & 0o777, 0o600)
    })
  )

  it.scoped("works with a key of its own where that of the folder is damaged", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      writeFileSync(join(folder, "resume.key"), "")
      const scope = yield* Effect.scope
      const context = yield* Scope.extend(Layer.build(ResumeTokensHmac.layer(folder)), scope)
      const tokens = yield* Effect.provide(ResumeTokens, context)
      assert.deepStrictEqual(yield* tokens.redeem(yield* tokens.issue(point)), point)
      yield* isRefused(yield* withKey(0), yield* tokens.issue(point))
    })
  )
})
