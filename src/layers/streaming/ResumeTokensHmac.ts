/**
 * ResumeTokens that hold their own content: base64url of its JSON, a dot, and base64url of its HMAC-SHA-256. The key is
 * a file of the data folder, so that tokens outlive the service.
 */
import { Clock, Duration, Effect, Layer, Schema } from "effect"
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto"
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { InvalidResumeToken, ResumePoint } from "../../domain/streaming/ResumePoint.ts"
import { ResumeTokens } from "../../services/ResumeTokens.ts"

const lifetime = Duration.hours(24)
const keyBytes = 32

const Content = Schema.parseJson(
  Schema.Struct({
    ...ResumePoint.fields,
    /** ms since 1970. */
    expires: Schema.Int
  })
)
const encode = Schema.encodeSync(Content)
const decode = Schema.decodeUnknown(Content)

const make = (key: Uint8Array) => {
  const sign = (content: string) => createHmac("sha256", key).update(content).digest()
  return ResumeTokens.of({
    issue: (point) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const content = Buffer.from(encode({ ...point, expires: now + Duration.toMillis(lifetime) })).toString(
          "base64url"
        )
        return `${content}.${sign(content).toString("base64url")}`
      }),
    redeem: (token) =>
      Effect.gen(function* () {
        const [content = "", signature = "", ...rest] = token.split(".")
        const [expected, given] = [sign(content), Buffer.from(signature, "base64url")]
        const isSigned = rest.length === 0 && expected.length === given.length && timingSafeEqual(expected, given)
        if (!isSigned) return yield* new InvalidResumeToken()
        const { expires, ...point } = yield* decode(Buffer.from(content, "base64url").toString())
        if ((yield* Clock.currentTimeMillis) >= expires) return yield* new InvalidResumeToken()
        return point
      }).pipe(Effect.catchTag("ParseError", () => new InvalidResumeToken()))
  })
}

/** 32 bytes that nobody else knows. */
export const layerKey = (key: Uint8Array): Layer.Layer<ResumeTokens> => Layer.succeed(ResumeTokens, make(key))

const readKey = async (path: string): Promise<Uint8Array> => {
  const key = await readFile(path)
  if (key.length !== keyBytes) throw new Error("the key has another length")
  // Also where it was copied from a backup.
  await chmod(path, 0o600)
  return key
}

/** Reads the key, or makes one: `wx`, as of two that start at once the second has to take what the first has written. */
const ensureKey = async (folder: string): Promise<Uint8Array> => {
  const path = join(folder, "resume.key")
  await mkdir(folder, { recursive: true })
  const key = randomBytes(keyBytes)
  try {
    await writeFile(path, key, { flag: "wx", mode: 0o600 })
    return key
  } catch {
    return await readKey(path)
  }
}

/** The key is `resume.key` in `folder`. Where it cannot be kept or read, tokens live as long as the service. */
export const layer = (folder: string): Layer.Layer<ResumeTokens> =>
  Layer.effect(
    ResumeTokens,
    Effect.tryPromise(() => ensureKey(folder)).pipe(
      Effect.catchAll((error) =>
        Effect.as(
          Effect.logWarning("No key for resume tokens could be read or kept: they end with the service", error),
          randomBytes(keyBytes)
        )
      ),
      Effect.map(make)
    )
  )
