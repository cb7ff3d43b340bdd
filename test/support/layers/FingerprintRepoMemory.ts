/** FingerprintRepo in memory. */
import { Effect, Layer, Option } from "effect"
import { algorithmVersion, type TrackAnalysis } from "../../../src/domain/fingerprint/Fingerprint.ts"
import { isSameSizeAndTime, isSameVersion, type TrackId } from "../../../src/domain/library/Track.ts"
import { FingerprintRepo, type RememberedFailure, type TrackKey } from "../../../src/services/FingerprintRepo.ts"

interface Entry<A> {
  readonly key: TrackKey
  readonly value: A
}

const makeTable = <A>() => {
  const entries = new Map<TrackId, Entry<A>>()
  return {
    find: (key: TrackKey) => {
      const entry = entries.get(key.trackId)
      return entry && isSameVersion(entry.key.version, key.version) ? Option.some(entry.value) : Option.none<A>()
    },
    findUnverified: (key: TrackKey) => {
      const entry = entries.get(key.trackId)
      return entry && isSameSizeAndTime(entry.key.version, key.version) ? Option.some(entry.value) : Option.none<A>()
    },
    store: (key: TrackKey, value: A) => void entries.set(key.trackId, { key, value }),
    remove: (trackId: TrackId) => void entries.delete(trackId)
  }
}

const make = () => {
  const analyses = makeTable<TrackAnalysis>()
  const failures = makeTable<RememberedFailure>()
  return FingerprintRepo.of({
    find: (key) =>
      Effect.sync(() =>
        Option.filter(analyses.find(key), ({ provenance }) => provenance.algorithm_version === algorithmVersion)
      ),
    store: (key, analysis) =>
      Effect.sync(() => {
        analyses.store(key, analysis)
        failures.remove(key.trackId)
      }),
    findUnverified: (key) => Effect.sync(() => analyses.findUnverified(key)),
    drop: ({ trackId }) => Effect.sync(() => analyses.remove(trackId)),
    findFailure: (key) => Effect.sync(() => failures.find(key)),
    storeFailure: (key, failure) => Effect.sync(() => failures.store(key, failure))
  })
}

export const layer = Layer.sync(FingerprintRepo, make)
