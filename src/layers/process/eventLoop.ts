import { Effect } from "effect"

/** Lets sockets and timers have their turn. Effect's own yield is a microtask, mostly: it keeps them waiting. */
export const turnOfEventLoop = Effect.async<void>((resume) => {
  const handle = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(handle))
})
