/**
 * A circuit breaker as a value: closed, it lets calls through; after so many failures in a row it opens and refuses
 * them at once; after a while one call, the probe, is let through, and its success closes it again. Pure: the clock and
 * the calls are the caller's.
 */

export interface CircuitPolicy {
  /** Failures in a row that open it. */
  readonly failuresToOpen: number
  /** From opening to the first probe, and from a failed probe to the next, milliseconds. */
  readonly openMs: number
}

export type Circuit =
  | { readonly state: "closed"; readonly era: number; readonly failures: number }
  | { readonly state: "open"; readonly era: number; readonly untilMs: number }
  | { readonly state: "half_open"; readonly era: number; readonly isProbing: boolean }

/** Names the era in which a call was let through: what it reports after that counts for nothing. */
export type Admission = { readonly isAdmitted: true; readonly era: number } | { readonly isAdmitted: false }

export const closed: Circuit = { state: "closed", era: 0, failures: 0 }

/** Whether a call may go now, and the circuit after it has been asked. */
export const admit = (circuit: Circuit, nowMs: number): readonly [Admission, Circuit] => {
  const { era } = circuit
  switch (circuit.state) {
    case "closed":
      return [{ isAdmitted: true, era }, circuit]
    case "open":
      return nowMs < circuit.untilMs ? [refused, circuit] : admit(halfOpen(circuit), nowMs)
    case "half_open":
      return circuit.isProbing
        ? [refused, circuit]
        : [
            { isAdmitted: true, era },
            { ...circuit, isProbing: true }
          ]
  }
}

/** A call of `era` has succeeded. */
export const succeed = (circuit: Circuit, era: number): Circuit => {
  if (era !== circuit.era || circuit.state === "open") return circuit
  if (circuit.state === "closed") return circuit.failures === 0 ? circuit : { ...circuit, failures: 0 }
  return close(circuit)
}

/** A call of `era` has failed in a way that says something about the other side. */
export const fail = (circuit: Circuit, era: number, policy: CircuitPolicy, nowMs: number): Circuit => {
  if (era !== circuit.era || circuit.state === "open") return circuit
  const failures = circuit.state === "closed" ? circuit.failures + 1 : policy.failuresToOpen
  return failures < policy.failuresToOpen
    ? { state: "closed", era, failures }
    : { state: "open", era: era + 1, untilMs: nowMs + policy.openMs }
}

/** A call of `era` ended without saying anything: interrupted, or refused for a reason of its own. */
export const release = (circuit: Circuit, era: number): Circuit =>
  era === circuit.era && circuit.state === "half_open" ? { ...circuit, isProbing: false } : circuit

/** The other side was seen to come back: no need to wait or to probe. */
export const reset = (circuit: Circuit): Circuit => (circuit.state === "closed" ? circuit : close(circuit))

const refused: Admission = { isAdmitted: false }

const halfOpen = ({ era }: Circuit): Circuit => ({ state: "half_open", era: era + 1, isProbing: false })

const close = ({ era }: Circuit): Circuit => ({ state: "closed", era: era + 1, failures: 0 })
