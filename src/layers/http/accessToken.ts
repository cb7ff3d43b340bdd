/** The token that gives access: recognised in constant time, and the cookie that stands for it in browsers. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto"
import { Redacted } from "effect"

/** Characters. 24 of base64 are 144 bits: out of reach of guessing at any rate. */
export const minimumTokenLength = 24

export const cookieName = "lathe_session"

export interface AccessToken {
  readonly isToken: (candidate: string) => boolean
  /** What a browser keeps instead of the token. It is worth as much here, but does not tell the token. */
  readonly cookie: string
  readonly isCookie: (candidate: string) => boolean
}

const digest = (text: string) => createHash("sha256").update(text).digest()

/** Compares digests, which are of one length, so that the time tells neither the length nor a common beginning. */
const recognise = (secret: string) => {
  const expected = digest(secret)
  return (candidate: string): boolean => timingSafeEqual(digest(candidate), expected)
}

export const makeAccessToken = (token: Redacted.Redacted): AccessToken => {
  const secret = Redacted.value(token)
  const cookie = createHmac("sha256", secret).update(cookieName).digest("hex")
  return { isToken: recognise(secret), cookie, isCookie: recognise(cookie) }
}
