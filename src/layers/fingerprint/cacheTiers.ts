/** The tiers that answer at once: memory, database, sidecar. A fault in one is a miss, and changes nothing for the listener. */
import { Effect, Option } from "effect"
import { LRUCache } from "lru-cache"
import type { TrackAnalysis } from "../../domain/fingerprint/Fingerprint.ts"
import type { FolderReadOnly } from "../../domain/fingerprint/FolderReadOnly.ts"
import type { FingerprintTier } from "../../domain/telemetry/Metrics.ts"
import type { TrackFile } from "../../domain/library/Track.ts"
import { FingerprintRepo, type RememberedFailure, type TrackKey } from "../../services/FingerprintRepo.ts"
import { FingerprintSidecar } from "../../services/FingerprintSidecar.ts"
import { pathOf } from "../../services/TrackLibrary.ts"
import { compareContent } from "./contentHash.ts"
import { contentIdOf } from "./FileContent.ts"
import { makeOwedWrites, type OwedWrites } from "./owedWrites.ts"
import { countLookUp, countWrite } from "./tierMetrics.ts"

/** Files whose fingerprint, or whose lack of one, is kept in memory: some megabytes. */
const rememberedFiles = 1024

type Tier = Exclude<FingerprintTier, "memory">

export interface Found {
  readonly analysis: TrackAnalysis
  readonly source: Tier
}

/** What is known of a file version without looking: its analysis and where it came from, or why there is none. */
type Known = { readonly found: Found } | { readonly failure: RememberedFailure }

export interface CacheTiers {
  /** By `contentIdOf`; the file that was used longest ago is forgotten. */
  readonly memory: LRUCache<string, Known>
  readonly repo: FingerprintRepo["Type"]
  /** To the repo. */
  readonly owed: OwedWrites<Known>
  readonly sidecar: FingerprintSidecar["Type"]
}

export const makeCacheTiers = Effect.gen(function* () {
  const repo = yield* FingerprintRepo
  const sidecar = yield* FingerprintSidecar
  const owed = yield* makeOwedWrites<Known>()
  return { memory: new LRUCache<string, Known>({ max: rememberedFiles }), repo, owed, sidecar } satisfies CacheTiers
})

export const findCached = Effect.fn("FingerprintGenerator.findCached")(function* (tiers: CacheTiers, file: TrackFile) {
  const known = recall(tiers, file)
  yield* countLookUp("memory", known === undefined ? "miss" : "hit")
  if (known !== undefined) return "found" in known ? Option.some(known.found) : Option.none<Found>()
  const stored = yield* findStored(tiers, file)
  if (Option.isSome(stored)) tiers.memory.set(contentIdOf(file), { found: stored.value })
  return stored
})

const recall = ({ memory, owed }: CacheTiers, file: TrackFile): Known | undefined =>
  memory.get(contentIdOf(file)) ?? owed.find(file)

const findStored = ({ owed, repo, sidecar }: CacheTiers, file: TrackFile) =>
  Effect.gen(function* () {
    const stored = yield* lookUp("database", findInRepo(repo, file))
    if (Option.isSome(stored)) return Option.some<Found>({ analysis: stored.value, source: "database" })
    const beside = yield* lookUp("sidecar", sidecar.find(pathOf(file), file.version))
    if (Option.isNone(beside)) return Option.none<Found>()
    const found: Found = { analysis: beside.value, source: "sidecar" }
    yield* owed.write(file, { found }, repo.store(keyOf(file), beside.value))
    return Option.some(found)
  })

const findInRepo = (repo: FingerprintRepo["Type"], file: TrackFile) =>
  Effect.flatMap(repo.find(keyOf(file)), (stored) =>
    Option.isSome(stored) ? Effect.succeed(stored) : findVerified(repo, file)
  )

/** Something was done to the file since it was measured: what is stored holds if its content is what it was. */
const findVerified = (repo: FingerprintRepo["Type"], file: TrackFile) =>
  Effect.gen(function* () {
    const stored = yield* repo.findUnverified(keyOf(file))
    if (Option.isNone(stored)) return stored
    const comparison = yield* compareContent(pathOf(file), stored.value)
    if (comparison === "other") yield* write("database", repo.drop(keyOf(file)))
    if (comparison !== "same") return Option.none<TrackAnalysis>()
    yield* write("database", repo.store(keyOf(file), stored.value))
    return stored
  })

/** Why a file has none, where that is known. */
export const findFailure = (tiers: CacheTiers, file: TrackFile) =>
  Effect.gen(function* () {
    const known = recall(tiers, file)
    if (known !== undefined && "failure" in known) return Option.some(known.failure)
    return yield* orMiss("database", tiers.repo.findFailure(keyOf(file)))
  })

/** Keeps what the server has found, in all tiers. */
export const keep = ({ memory, owed, repo, sidecar }: CacheTiers, file: TrackFile, analysis: TrackAnalysis) =>
  Effect.gen(function* () {
    const known: Known = { found: { analysis, source: "server" } }
    memory.set(contentIdOf(file), known)
    yield* owed.write(file, known, repo.store(keyOf(file), analysis))
    yield* write("sidecar", sidecar.store(pathOf(file), analysis))
  })

/** Keeps why a file has none, until the file changes. */
export const keepFailure = ({ memory, owed, repo }: CacheTiers, file: TrackFile, failure: RememberedFailure) =>
  Effect.suspend(() => {
    memory.set(contentIdOf(file), { failure })
    return owed.write(file, { failure }, repo.storeFailure(keyOf(file), failure))
  })

const keyOf = (file: TrackFile): TrackKey => ({ trackId: file.track.id, version: file.version })

/** One tier's look-up: counted, and a fault in it is a miss. */
const lookUp = <A>(tier: Tier, find: Effect.Effect<Option.Option<A>>) =>
  orMiss(
    tier,
    Effect.tap(find, (found) => countLookUp(tier, Option.isSome(found) ? "hit" : "miss"))
  )

const orMiss = <A>(tier: Tier, find: Effect.Effect<Option.Option<A>>) =>
  Effect.catchAllCause(find, (cause) =>
    Effect.logWarning(`The ${tier} tier of fingerprints failed`, cause).pipe(
      Effect.zipRight(countLookUp(tier, "error")),
      Effect.as(Option.none<A>())
    )
  )

/** A write to one tier: counted, and a fault in it changes nothing for the listener. */
const write = (tier: Tier, store: Effect.Effect<void, FolderReadOnly>) =>
  store.pipe(
    Effect.zipRight(countWrite(tier, "stored")),
    Effect.catchTag("FolderReadOnly", ({ message }) =>
      Effect.zipRight(Effect.logDebug(message), countWrite(tier, "error"))
    ),
    Effect.catchAllCause((cause) =>
      Effect.zipRight(
        Effect.logWarning(`The ${tier} tier of fingerprints cannot be written`, cause),
        countWrite(tier, "error")
      )
    )
  )
