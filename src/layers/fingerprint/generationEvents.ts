import { Option } from "effect"
import type { TrackAnalysis } from "../../domain/fingerprint/Fingerprint.ts"
import type { FingerprintStatus } from "../../domain/fingerprint/FingerprintStatus.ts"
import type { TrackFile } from "../../domain/library/Track.ts"
import type { GenerationEvent } from "../../services/FingerprintGenerator.ts"
import type { Found } from "./cacheTiers.ts"

export const isLast = ({ status }: GenerationEvent): boolean =>
  status.status !== "queued" && status.status !== "analyzing"

/** What is said of the generation of one track. */
export const eventsOf = (file: TrackFile) => {
  const track_id = file.track.id
  const event = (
    status: Omit<FingerprintStatus, "track_id">,
    analysis: Option.Option<TrackAnalysis>
  ): GenerationEvent => ({
    status: { track_id, ...status },
    analysis
  })
  return {
    none: (status: "queued" | "failed" | "unavailable", message: string) => event({ status, message }, Option.none()),
    analyzing: (percent: number) =>
      event(
        { status: "analyzing", percent, source: "server", message: `Analysing, ${Math.floor(percent)} %.` },
        Option.none()
      ),
    found: (status: "cached" | "complete", { analysis, source }: Found) =>
      event(
        {
          status,
          source,
          message: status === "cached" ? `Fingerprint found; it is from the ${source}.` : "Analysis complete."
        },
        Option.some(analysis)
      )
  }
}
