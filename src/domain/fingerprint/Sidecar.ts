/** What a `.25d` file beside the music holds: one analysis, as JSON. */
import { Either, Schema } from "effect"
import { TrackAnalysis } from "./Fingerprint.ts"

const Sidecar = Schema.parseJson(Schema.Struct({ format: Schema.Literal("lathe.25d"), ...TrackAnalysis.fields }))
const decode = Schema.decodeUnknownEither(Sidecar)
const encode = Schema.encodeSync(Sidecar)

/** Bytes; one of ours has about 2000. What is larger is no sidecar, and is not read into memory. */
export const largestSidecar = 64 * 1024

/** The analysis in it; Left: why it is none. */
export const parseSidecar = (text: string): Either.Either<TrackAnalysis, string> =>
  Either.mapBoth(decode(text), {
    onLeft: ({ message }) => message,
    onRight: ({ fingerprint, measurements, provenance }) => ({ fingerprint, measurements, provenance })
  })

export const sidecarText = (analysis: TrackAnalysis): string => encode({ format: "lathe.25d", ...analysis })
