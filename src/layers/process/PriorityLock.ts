/** One at a time, and the most urgent of those that wait first. */
import { Effect } from "effect"

export interface Turns {
  /** Runs `work` when it is its turn. `slack`: how long it could wait, in any unit; of equal ones the first comes first. */
  readonly take: (slack: number) => <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export const makeTurns = (): Turns => {
  const waiting = new Set<{ readonly slack: number; readonly begin: () => void }>()
  let isTaken = false

  const pass = Effect.sync(() => {
    isTaken = false
    let next: { readonly slack: number; readonly begin: () => void } | undefined
    for (const one of waiting) if (next === undefined || one.slack < next.slack) next = one
    if (next === undefined) return
    waiting.delete(next)
    isTaken = true
    next.begin()
  })

  const await_ = (slack: number) =>
    Effect.async<void>((resume) => {
      if (!isTaken) {
        isTaken = true
        return resume(Effect.void)
      }
      const one = { slack, begin: () => resume(Effect.void) }
      waiting.add(one)
      // Who is interrupted at the moment at which its turn comes passes it on.
      return Effect.suspend(() => (waiting.delete(one) ? Effect.void : pass))
    })

  return {
    take: (slack) => (work) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.zipRight(restore(await_(slack)), Effect.ensuring(restore(work), pass))
      )
  }
}
