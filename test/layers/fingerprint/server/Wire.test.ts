import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import { describe, it } from "@effect/vitest"
import { Arbitrary, Effect, FastCheck } from "effect"
import {
  ComputeFingerprintResponseSchema,
  ComputeFingerprintWithProgressResponseSchema,
  FingerprintSchema,
  MeasurementsSchema,
  ProvenanceSchema
} from "../../../../gen/lathe/fingerprint/v1/fingerprint_pb.js"
import {
  algorithmVersion,
  dimensionNames,
  Measurements,
  Provenance
} from "../../../../src/domain/fingerprint/Fingerprint.ts"
import { fromEvent, fromResponse, toResponse } from "../../../../src/layers/fingerprint/server/Wire.ts"
import { assert } from "../../../support/assert.ts"
import { someAnalysis, someFingerprint } from "../../../support/analyses.ts"

const overTheWire = (trackId: string, analysis: ReturnType<typeof someAnalysis>) =>
  fromBinary(
    ComputeFingerprintResponseSchema,
    toBinary(ComputeFingerprintResponseSchema, toResponse(trackId, analysis))
  )

/** UTF-8 carries all of it but lone surrogates, which fast-check's units leave out. */
const text = FastCheck.string({ unit: "grapheme" })

describe("fingerprintWire", () => {
  it("has the domain's names in the proto, in the domain's order", () => {
    const namesOf = (desc: { fields: ReadonlyArray<{ name: string }> }) => desc.fields.map(({ name }) => name)
    assert.deepStrictEqual(namesOf(FingerprintSchema), [...dimensionNames])
    assert.deepStrictEqual(namesOf(MeasurementsSchema), Object.keys(Measurements.fields))
    assert.deepStrictEqual(namesOf(ProvenanceSchema), Object.keys(Provenance.fields))
  })

  it.effect("carries an analysis there and back unchanged", () =>
    Effect.gen(function* () {
      const analysis = someAnalysis()
      assert.deepStrictEqual(yield* fromResponse("7", overTheWire("7", analysis)), analysis)
    })
  )

  it.effect.prop(
    "keeps every measurement and provenance exactly",
    { measurements: Arbitrary.make(Measurements), provenance: Arbitrary.make(Provenance), trackId: text },
    ({ measurements, provenance, trackId }) =>
      Effect.gen(function* () {
        const analysis = {
          fingerprint: someFingerprint,
          measurements: { ...measurements, sample_rate: 96_000, channels: 6 },
          provenance: { ...provenance, decoder: trackId, algorithm_version: algorithmVersion }
        }
        assert.deepStrictEqual(yield* fromResponse(trackId, overTheWire(trackId, analysis)), analysis)
      }),
    { fastCheck: { numRuns: 25, seed: 20260101 } }
  )

  it.effect("takes no answer with a value that is not finite, out of range or missing", () =>
    Effect.gen(function* () {
      const response = () => overTheWire("7", someAnalysis())
      const broken = [
        ...dimensionNames.flatMap((name) =>
          [Number.NaN, Number.POSITIVE_INFINITY, 1e9].map((value) => ({
            what: name as string,
            response: overTheWire("7", someAnalysis({ [name]: value }))
          }))
        ),
        { what: "fingerprint", response: { ...response(), fingerprint: undefined } },
        { what: "measurements", response: { ...response(), measurements: undefined } },
        { what: "provenance", response: { ...response(), provenance: undefined } },
        { what: "bands", response: { ...response(), fingerprint: create(FingerprintSchema) } }
      ]
      for (const { what, response } of broken) {
        const error = yield* Effect.flip(fromResponse("7", response as never))
        assert.strictEqual(error._tag, "ServerAnswerInvalid")
        assert.includes(error.detail, what)
      }
    })
  )

  it.effect("takes no answer about another track or of another algorithm version", () =>
    Effect.gen(function* () {
      const { detail } = yield* Effect.flip(fromResponse("8", overTheWire("7", someAnalysis())))
      assert.includes(detail, "another track")
      const analysis = someAnalysis()
      const other = { ...analysis, provenance: { ...analysis.provenance, algorithm_version: algorithmVersion + 1 } }
      assert.includes((yield* Effect.flip(fromResponse("7", overTheWire("7", other)))).detail, "algorithm version")
    })
  )

  it.effect("tells progress from the result, and takes neither an empty message nor an unknown stage", () =>
    Effect.gen(function* () {
      const event = (event: Parameters<typeof create<typeof ComputeFingerprintWithProgressResponseSchema>>[1]) =>
        fromEvent("7", create(ComputeFingerprintWithProgressResponseSchema, event))
      const progress = { stage: "decoding", percent: 12.5 }
      assert.deepStrictEqual(yield* event({ event: { case: "progress", value: progress } }), {
        _tag: "Progress",
        progress
      } as never)
      const result = yield* event({ event: { case: "result", value: toResponse("7", someAnalysis()) } })
      assert.deepStrictEqual(result, { _tag: "Result", analysis: someAnalysis() })
      for (const value of [
        { stage: "dreaming", percent: 1 },
        { stage: "decoding", percent: 101 }
      ]) {
        assert.strictEqual(
          (yield* Effect.flip(event({ event: { case: "progress", value } })))._tag,
          "ServerAnswerInvalid"
        )
      }
      assert.strictEqual((yield* Effect.flip(event({})))._tag, "ServerAnswerInvalid")
    })
  )
})
