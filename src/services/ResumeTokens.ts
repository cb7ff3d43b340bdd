import { Context, type Effect } from "effect"
import type { InvalidResumeToken, ResumePoint } from "../domain/streaming/ResumePoint.ts"

/** Owns the tokens by which a stream goes on after its connection or its service has ended. Keeps none of them. */
export class ResumeTokens extends Context.Tag("lathe/ResumeTokens")<
  ResumeTokens,
  {
    /** Some 400 characters, three times as many while gains are on their way, valid for 24 hours, also for another start of the service. */
    readonly issue: (point: ResumePoint) => Effect.Effect<string>
    readonly redeem: (token: string) => Effect.Effect<ResumePoint, InvalidResumeToken>
  }
>() {}
