/** An analysis as the fingerprint server's protobuf messages carry it, and back. */
import { create, type DescMessage, type Message, type MessageShape, ScalarType } from "@bufbuild/protobuf"
import { Effect, ParseResult, Schema } from "effect"
import {
  type ComputeFingerprintResponse,
  ComputeFingerprintResponseSchema,
  type ComputeFingerprintWithProgressResponse,
  FingerprintSchema,
  MeasurementsSchema,
  ProvenanceSchema
} from "../../../../gen/lathe/fingerprint/v1/fingerprint_pb.js"
import { algorithmVersion, AnalysisProgress, TrackAnalysis } from "../../../domain/fingerprint/Fingerprint.ts"
import { ServerAnswerInvalid } from "../../../domain/fingerprint/FingerprintServerError.ts"
import { isWaveform } from "../../../dsp/Waveform.ts"
import type { FingerprintServerEvent } from "../../../services/FingerprintServerClient.ts"

export const toResponse = (
  trackId: string,
  analysis: TrackAnalysis,
  waveform: Uint8Array<ArrayBuffer> = new Uint8Array(0)
): ComputeFingerprintResponse =>
  create(ComputeFingerprintResponseSchema, {
    trackId,
    fingerprint: toMessage(FingerprintSchema, analysis.fingerprint),
    measurements: toMessage(MeasurementsSchema, analysis.measurements),
    provenance: toMessage(ProvenanceSchema, analysis.provenance),
    waveform
  })

/** Fails where the answer is about another track, of another algorithm version, or no valid analysis. */
export const fromResponse = (
  trackId: string,
  response: ComputeFingerprintResponse
): Effect.Effect<TrackAnalysis, ServerAnswerInvalid> =>
  Effect.gen(function* () {
    if (response.trackId !== trackId) return yield* invalid("it is about another track")
    const analysis = yield* decodeAnalysis({
      fingerprint: fromMessage(FingerprintSchema, response.fingerprint),
      measurements: fromMessage(MeasurementsSchema, response.measurements),
      provenance: fromMessage(ProvenanceSchema, response.provenance)
    }).pipe(Effect.mapError(firstIssue))
    const version = analysis.provenance.algorithm_version
    if (version !== algorithmVersion) {
      return yield* invalid(`it is of algorithm version ${version}, not ${algorithmVersion}`)
    }
    return analysis
  })

/** The same for one message of the streaming call. */
export const fromEvent = (
  trackId: string,
  { event }: ComputeFingerprintWithProgressResponse
): Effect.Effect<FingerprintServerEvent, ServerAnswerInvalid> => {
  switch (event.case) {
    case "progress": {
      const { stage, percent } = event.value
      return decodeProgress({ stage, percent }).pipe(
        Effect.map((progress) => ({ _tag: "Progress", progress }) as const),
        Effect.mapError(firstIssue)
      )
    }
    case "result":
      return Effect.map(fromResponse(trackId, event.value), (analysis) => {
        const { waveform } = event.value
        return { _tag: "Result", analysis, ...(isWaveform(waveform) && { waveform }) } as const
      })
    default:
      return invalid("a message holds neither progress nor result")
  }
}

const decodeAnalysis = Schema.decodeUnknown(TrackAnalysis)
const decodeProgress = Schema.decodeUnknown(AnalysisProgress)

const invalid = (detail: string) => new ServerAnswerInvalid({ detail })

/** The first thing wrong, where it is: `fingerprint.lufs: Expected a finite number, actual NaN`. */
const firstIssue = (error: ParseResult.ParseError): ServerAnswerInvalid => {
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
  return invalid(issue === undefined ? "unreadable" : [issue.path.join("."), issue.message].filter(Boolean).join(": "))
}

/** Field by field under the proto's own names, which are those of the domain. 64-bit integers are bigint in messages. */
const toMessage = <Desc extends DescMessage>(
  desc: Desc,
  values: Readonly<Record<string, unknown>>
): MessageShape<Desc> => {
  const message = create(desc)
  const fields = message as Record<string, unknown>
  for (const field of desc.fields) {
    const value = values[field.name]
    fields[field.localName] = field.scalar === ScalarType.UINT64 ? BigInt(value as number) : value
  }
  return message
}

const fromMessage = (desc: DescMessage, message: Message | undefined): Record<string, unknown> | undefined => {
  if (message === undefined) return undefined
  const fields = message as Message & Record<string, unknown>
  return Object.fromEntries(
    desc.fields.map((field) => {
      const value = fields[field.localName]
      return [field.name, typeof value === "bigint" ? Number(value) : value]
    })
  )
}
