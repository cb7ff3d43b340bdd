/** GracefulShutdown with a bound in time: a client that cannot be told does not hold up the end. */
import { Duration, Effect, Fiber, Layer } from "effect"
import { GracefulShutdown } from "../../services/GracefulShutdown.ts"

/** For all of them together: they send short messages, and what they end is rendered packet by packet. */
const patience = Duration.seconds(1)

const make = () => {
  const waiting = new Set<Effect.Effect<void>>()
  return GracefulShutdown.of({
    onStop: (last) =>
      Effect.acquireRelease(
        Effect.sync(() => void waiting.add(last)),
        () => Effect.sync(() => void waiting.delete(last))
      ),
    // In a fiber of its own: the one that stops the service is interrupted already, and nothing in it can be timed out.
    run: Effect.suspend(() =>
      Effect.forEach([...waiting], Effect.ignoreLogged, { concurrency: "unbounded", discard: true })
    ).pipe(
      Effect.disconnect,
      Effect.timeoutOption(patience),
      Effect.interruptible,
      Effect.forkDaemon,
      Effect.flatMap(Fiber.join),
      Effect.asVoid
    )
  })
}

export const layer = Layer.sync(GracefulShutdown, make)
