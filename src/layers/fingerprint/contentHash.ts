/** The SHA-256 of a file's bytes, which says whether an analysis is about them. */
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { pipeline } from "node:stream/promises"
import type { TrackAnalysis } from "../../domain/fingerprint/Fingerprint.ts"

const hashOf = (path: string) =>
  Effect.tryPromise(async (signal) => {
    const hash = createHash("sha256")
    await pipeline(createReadStream(path), hash, { signal })
    return hash.digest("hex")
  })

/** Whether the file has the analysed content now; unknown where it cannot be read. */
export const compareContent = (
  path: string,
  { provenance }: TrackAnalysis
): Effect.Effect<"same" | "other" | "unknown"> =>
  hashOf(path).pipe(
    Effect.map((hash) => (hash === provenance.content_sha256 ? ("same" as const) : ("other" as const))),
    Effect.orElseSucceed(() => "unknown" as const),
    Effect.withSpan("FingerprintGenerator.verify")
  )
