/**
 * Tests that share what a layer makes, on the real clock. `layer` of @effect/vitest does the same, but leaves its runtime
 * behind in `it.effect` of every test file that is loaded after it.
 */
import { afterAll, beforeAll, describe, it } from "@effect/vitest"
import { Effect, type Layer, ManagedRuntime, type Scope } from "effect"

type AddTest<R> = (
  name: string,
  test: () => Effect.Effect<unknown, unknown, R | Scope.Scope>,
  timeoutMs?: number
) => void

export const layer =
  <R, E>(shared: Layer.Layer<R, E>, { timeoutMs = 60_000 }: { readonly timeoutMs?: number } = {}) =>
  (name: string, define: (it: { readonly scoped: AddTest<R> }) => void) =>
    describe(name, () => {
      const runtime = ManagedRuntime.make(shared)
      beforeAll(() => runtime.runPromise(Effect.void), timeoutMs)
      afterAll(() => runtime.dispose(), timeoutMs)
      define({
        scoped: (name, test, timeoutMs) =>
          it(name, () => runtime.runPromise(Effect.asVoid(Effect.scoped(Effect.suspend(test)))), timeoutMs)
      })
    })
