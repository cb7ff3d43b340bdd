/** Attack, decay, sustain, release: linear attack, exponential decay and release. */
export interface Adsr {
  readonly attackSeconds: number
  /** Time constant of the decay toward `sustain`. */
  readonly decaySeconds: number
  /** Level held until the note ends, 0-1. */
  readonly sustain: number
  /** Time constant of the release. */
  readonly releaseSeconds: number
}

/** After this many release time constants a note is over: -52 dB. */
const releaseConstants = 6

/** Level at `t` seconds of a note held for `heldSeconds`, 0-1. */
export const adsr = (shape: Adsr, heldSeconds: number, t: number): number => {
  if (t < 0) return 0
  const held = Math.min(t, heldSeconds)
  const level =
    held < shape.attackSeconds
      ? held / shape.attackSeconds
      : shape.sustain + (1 - shape.sustain) * Math.exp(-(held - shape.attackSeconds) / shape.decaySeconds)
  return t <= heldSeconds ? level : level * Math.exp(-(t - heldSeconds) / shape.releaseSeconds)
}

/** How long a note sounds, its release included. */
export const adsrSeconds = (shape: Adsr, heldSeconds: number): number =>
  heldSeconds + releaseConstants * shape.releaseSeconds
