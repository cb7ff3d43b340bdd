/**
 * What the stages of the chain are told, block by block: values in dB that glide from one plan's settings to the next's,
 * linearly. Where they are on their way is a state that another chain, begun anew, goes on from.
 */
import type { RenderSettings } from "../../domain/mastering/MasteringPlan.ts"
import type { GlideState } from "../../domain/mastering/RenderState.ts"
import type { BalanceDesign } from "./BalanceEq.ts"
import { expanderDepthDb } from "./TransientExpander.ts"

// What glides, by place in one array. The first seven are the gains of the balance filters.
export const depthDb = 7
export const slope = 8
export const thresholdDbfs = 9
export const sideDb = 10
export const gainDb = 11
export const ceilingDbtp = 12
/** Share of the processed signal: 0 in bypass. */
export const wet = 13
export const followLimitDb = 14
const valueCount = 15

/** A limiter that is switched on or off glides from or to here: nothing decoded reaches it. */
const openCeilingDbtp = 24

export interface ChainControls {
  /** The values now, by place. */
  readonly current: Float64Array
  /** Goes to where the settings are, over so many blocks; 0: at once. `heldBlocks`: so long everything stays as it is. */
  readonly moveTo: (settings: RenderSettings, blocks: number, heldBlocks: number) => void
  /** One block further. */
  readonly advance: () => void
  readonly isGliding: () => boolean
  /** Makes a gain that had come about otherwise part of the static one, from which it glides away. */
  readonly takeIntoGain: (decibels: number) => void
  /** null: at rest. */
  readonly glideState: () => GlideState | null
  /** Goes on, after `blocks` blocks, with a glide as it was, toward these settings. */
  readonly goOn: (glide: GlideState, settings: RenderSettings, blocks: number) => void
}

export const makeChainControls = (design: BalanceDesign): ChainControls => {
  const start = new Float64Array(valueCount)
  const end = new Float64Array(valueCount)
  const current = new Float64Array(valueCount)
  let glideBlocks = 0
  /** Below 0: blocks until the glide begins. */
  let glideBlock = 0

  const readSettings = (settings: RenderSettings, into: Float64Array): void => {
    into.set(design.filterGainsDb(settings.balance_db))
    into[depthDb] = expanderDepthDb(settings.expansion_db)
    into[slope] = settings.compressor === null ? 0 : 1 - 1 / settings.compressor.ratio
    into[thresholdDbfs] = settings.compressor === null ? current[thresholdDbfs]! : settings.compressor.threshold_dbfs
    into[sideDb] = settings.side_gain_db
    into[gainDb] = settings.gain_db
    into[ceilingDbtp] = settings.ceiling_dbtp ?? Infinity
    into[wet] = 1
    into[followLimitDb] = settings.follow_limit_db
  }

  const moveTo: ChainControls["moveTo"] = (settings, blocks, heldBlocks) => {
    start.set(current)
    if (settings.bypass) {
      // Everything stays as it is and fades out.
      end.set(current)
      end[wet] = 0
    } else {
      readSettings(settings, end)
      if (current[wet] === 0) {
        // Nothing of it is heard yet: it starts as it shall be, and fades in.
        start.set(end)
        start[wet] = 0
      } else if (current[slope] === 0) {
        start[thresholdDbfs] = end[thresholdDbfs]!
      }
    }
    if (start[ceilingDbtp] !== end[ceilingDbtp]) start[ceilingDbtp] = Math.min(start[ceilingDbtp]!, openCeilingDbtp)
    glideBlocks = blocks
    glideBlock = blocks === 0 ? 0 : -heldBlocks
    current.set(blocks === 0 ? end : start)
  }

  const advance = (): void => {
    if (glideBlock >= glideBlocks) return
    glideBlock++
    if (glideBlock <= 0) return
    if (glideBlock === glideBlocks) {
      current.set(end)
      return
    }
    glideTo(glideBlock / glideBlocks)
  }

  const glideTo = (share: number): void => {
    for (let i = 0; i < valueCount; i++) {
      const from = start[i]!
      const to = end[i] === Infinity ? openCeilingDbtp : end[i]!
      current[i] = from === end[i] ? from : from + share * (to - from)
    }
  }

  const goOn: ChainControls["goOn"] = (glide, settings, blocks) => {
    start.set(glide.from.map((value) => value ?? Infinity))
    current.set(start)
    end.set(start)
    if (settings.bypass) end[wet] = 0
    else readSettings(settings, end)
    glideBlocks = glide.blocks
    glideBlock = Math.min(glideBlocks, glide.done - blocks)
    if (glideBlock === glideBlocks) current.set(end)
    else if (glideBlock > 0) glideTo(glideBlock / glideBlocks)
  }

  return {
    current,
    moveTo,
    advance,
    isGliding: () => glideBlock < glideBlocks,
    takeIntoGain: (decibels) => {
      start[gainDb] = start[gainDb]! + decibels
      current[gainDb] = start[gainDb]!
    },
    glideState: () =>
      glideBlock < glideBlocks
        ? {
            from: Array.from(start, (value) => (value === Infinity ? null : value)),
            blocks: glideBlocks,
            done: Math.max(0, glideBlock)
          }
        : null,
    goOn
  }
}
