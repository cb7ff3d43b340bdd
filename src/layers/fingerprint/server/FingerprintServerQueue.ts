/** How much work the fingerprint server takes on at once. */
import { Context, Effect, Layer } from "effect"
import { ServerBusy } from "../../../domain/fingerprint/FingerprintServerError.ts"

export interface QueueOptions {
  /** Jobs that run at the same time. */
  readonly workers: number
  /** Jobs that may wait for a worker. */
  readonly capacity: number
}

/** Owns admission: so many jobs run or wait, and the next one is refused. Runs none itself: see TrackAnalyzer. */
export class FingerprintServerQueue extends Context.Tag("lathe/FingerprintServerQueue")<
  FingerprintServerQueue,
  {
    readonly workers: number
    /** Jobs that wait for a worker now. */
    readonly length: Effect.Effect<number>
    /** The job, if there is a place for it. */
    readonly admit: <A, E, R>(job: Effect.Effect<A, E, R>) => Effect.Effect<A, E | ServerBusy, R>
  }
>() {}

const make = ({ workers, capacity }: QueueOptions) => {
  let admitted = 0
  const take = Effect.suspend(() => {
    if (admitted >= workers + capacity) return new ServerBusy()
    admitted += 1
    return Effect.void
  })
  const giveBack = Effect.sync(() => {
    admitted -= 1
  })
  return FingerprintServerQueue.of({
    workers,
    length: Effect.sync(() => Math.max(0, admitted - workers)),
    admit: (job) =>
      Effect.acquireUseRelease(
        take,
        () => job,
        () => giveBack
      )
  })
}

export const layer = (options: QueueOptions): Layer.Layer<FingerprintServerQueue> =>
  Layer.sync(FingerprintServerQueue, () => make(options))
