/**
 * Requests that do not fit the description of the API. What Effect makes of them, an HttpApiDecodeError with a tree of
 * everything that could have been meant, becomes a problem as all others.
 */
import { HttpApiError, type HttpServerResponse, type OpenApi } from "@effect/platform"
import { Option, Schema } from "effect"
import { sentenceOfIssues } from "../../contract/expectations.ts"
import { problem } from "./problems.ts"

const decode = Schema.decodeUnknownOption(Schema.parseJson(HttpApiError.HttpApiDecodeError))

export const nameParameter = (
  response: HttpServerResponse.HttpServerResponse
): HttpServerResponse.HttpServerResponse => {
  if (response.status !== 400 || response.body._tag !== "Uint8Array") return response
  return Option.match(decode(new TextDecoder().decode(response.body.body)), {
    onNone: () => response,
    onSome: ({ issues }) => problem(400, "invalid_parameter", `The request is not valid ${sentenceOfIssues(issues)}.`)
  })
}

/** In the description of the API: what is answered, instead of what it is made of. */
export const describeInvalidParameter = (spec: Record<string, unknown>): Record<string, unknown> => {
  const { components } = spec as unknown as OpenApi.OpenAPISpec
  const { HttpApiDecodeError: _, Issue: __, PropertyKey: ___, ...schemas } = components.schemas
  return {
    ...spec,
    components: { ...components, schemas: { ...schemas, HttpApiDecodeError: schemas["BadRequest"] } }
  }
}
