import type { ChildProcess } from "node:child_process"
import { Duration, Effect } from "effect"

/** SIGTERM, and SIGKILL after the grace time; done when the process is gone. */
export const endProcess = (child: ChildProcess, grace: Duration.Duration): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    const force = setTimeout(() => child.kill("SIGKILL"), Duration.toMillis(grace))
    child.once("exit", () => {
      clearTimeout(force)
      resume(Effect.void)
    })
    child.kill("SIGTERM")
  })
