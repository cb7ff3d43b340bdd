/** One at a time, and the most urgent of those that wait first. */
import { Effect } from "effect"

export interface PriorityLock {
  /** Runs `work` alone. Of those that wait the lowest `priority` goes first, and of equal ones the first that came. */
  readonly withPriority: (priority: number) => <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export const makePriorityLock = (): PriorityLock => {
  const waiting = new Set<{ readonly priority: number; readonly begin: () => void }>()
  let isTaken = false

  const pass = Effect.sync(() => {
    isTaken = false
    let next: { readonly priority: number; readonly begin: () => void } | undefined
    for (const one of waiting) if (next === undefined || one.priority < next.priority) next = one
    if (next === undefined) return
    waiting.delete(next)
    isTaken = true
    next.begin()
  })

  const await_ = (priority: number) =>
    Effect.async<void>((resume) => {
      if (!isTaken) {
        isTaken = true
        return resume(Effect.void)
      }
      const one = { priority, begin: () => resume(Effect.void) }
      waiting.add(one)
      // Who is interrupted at the moment at which it gets the lock passes it on.
      return Effect.suspend(() => (waiting.delete(one) ? Effect.void : pass))
    })

  return {
    withPriority: (priority) => (work) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.zipRight(restore(await_(priority)), Effect.ensuring(restore(work), pass))
      )
  }
}
