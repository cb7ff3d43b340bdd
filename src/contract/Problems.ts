/** What is answered where there is nothing else to answer. */
import { HttpApiSchema } from "@effect/platform"
import { Schema } from "effect"

/** `code` is for programs, `message` is a sentence for a person. Neither holds a path. */
const problem = { code: Schema.String, message: Schema.String }

export class BadRequest extends Schema.TaggedError<BadRequest>()(
  "BadRequest",
  problem,
  HttpApiSchema.annotations({ status: 400 })
) {}

export class NotFound extends Schema.TaggedError<NotFound>()(
  "NotFound",
  problem,
  HttpApiSchema.annotations({ status: 404 })
) {}

/** The library knows the track, but its file is gone or cannot be read any more. */
export class Gone extends Schema.TaggedError<Gone>()("Gone", problem, HttpApiSchema.annotations({ status: 410 })) {}
