/** Answers that are no success and that no endpoint of the API has described: in the same shape as those that are. */
import { HttpServerResponse } from "@effect/platform"

/** By status: what a problem is called. */
const names: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  413: "ContentTooLarge",
  426: "UpgradeRequired",
  429: "TooManyRequests",
  500: "InternalServerError",
  503: "ServiceUnavailable"
}

/** `{ _tag, code, message }`: a word for programs, and a sentence for a person that holds no path and no stack. */
export const problem = (
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {}
): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.unsafeJson({ _tag: names[status] ?? "Problem", code, message }, { status, headers })
