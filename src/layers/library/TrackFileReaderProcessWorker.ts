/** A probe worker's side: reads what it is asked about, in its own process. */
import { Effect, Either, type Layer, Option } from "effect"
import { toBytes } from "../../dsp/Waveform.ts"
import type { AudioDecoder } from "../../services/AudioDecoder.ts"
import type { JobOutcome } from "../process/serveJobs.ts"
import { serveJobs } from "../process/serveJobs.ts"
import { probeProtocol, type ProbeRequest, type ProbeResult } from "./TrackFileReaderProcessProtocol.ts"
import { makeLocal } from "./TrackFileReaderLocal.ts"

/** Runs until stdin ends or the process does. */
export const serve = (decoder: Layer.Layer<AudioDecoder>): void =>
  serveJobs({ protocol: probeProtocol, layer: decoder, run: probe })

const probe = (request: ProbeRequest) =>
  Effect.gen(function* () {
    const reader = yield* makeLocal
    const { path } = request
    const outcome = (result: ProbeResult, payload?: Uint8Array): JobOutcome<ProbeResult> => ({ result, payload })
    switch (request._tag) {
      case "Tags":
        return outcome({ _tag: "Tags", tags: yield* reader.tags(path) })
      case "TagsByName":
        return outcome({ _tag: "Tags", tags: yield* reader.tagsByName(path) })
      case "Art": {
        const art = Option.getOrUndefined(yield* reader.art(path))
        return outcome({ _tag: "Art", mediaType: art?.mediaType ?? null }, art?.bytes)
      }
      case "Waveform":
        return outcome({ _tag: "Waveform" }, toBytes(yield* reader.waveform(path)))
      case "Sidecar":
        return outcome(
          Either.match(yield* reader.sidecar(path), {
            onLeft: (reason): ProbeResult => ({ _tag: "NoSidecar", reason: reason.slice(0, 1000) }),
            onRight: (analysis): ProbeResult => ({ _tag: "Sidecar", analysis })
          })
        )
    }
  })
