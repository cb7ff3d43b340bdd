import type { Fingerprint } from "../fingerprint/Fingerprint.ts"
import type { Move } from "./MasteringPlan.ts"

/** Dimensions as the causes of a move. */
export const causesOf = (fingerprint: Fingerprint, ...names: ReadonlyArray<keyof Fingerprint>): Move["causes"] =>
  names.map((name) => ({ name, value: fingerprint[name] }))
