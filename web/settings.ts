/** What the listener has chosen, kept in the browser. */
import { type Enhancement, type PlayerState, type Stage, stages } from "./playback/Player.ts"

const key = "lathe"

export type Settings = Pick<PlayerState, "enhancement" | "isMatched" | "volume">

const presets: ReadonlyArray<Enhancement["preset"]> = ["adaptive", "gentle", "warm", "bright", "punchy"]

const share = (value: unknown, otherwise: number): number =>
  typeof value === "number" && value >= 0 && value <= 1 ? value : otherwise

/** Whatever is stored there: what is not valid is as at first. */
export const parseSettings = (text: string | null): Settings => {
  const stored = parsed(text)
  const enhancement = parsedObject(stored["enhancement"])
  const bypass: ReadonlyArray<unknown> = Array.isArray(enhancement["bypass"]) ? enhancement["bypass"] : []
  return {
    enhancement: {
      preset: presets.find((preset) => preset === enhancement["preset"]) ?? "adaptive",
      intensity: share(enhancement["intensity"], 1),
      bypass: stages.filter((stage: Stage) => bypass.includes(stage))
    },
    isMatched: typeof stored["isMatched"] === "boolean" ? stored["isMatched"] : true,
    volume: share(stored["volume"], 1)
  }
}

const parsedObject = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {}

const parsed = (text: string | null) => {
  try {
    return parsedObject(JSON.parse(text ?? "{}"))
  } catch {
    return {}
  }
}

// Storage may be forbidden: then every visit is the first one.
export const loadSettings = (): Settings => {
  try {
    return parseSettings(localStorage.getItem(key))
  } catch {
    return parseSettings(null)
  }
}

export const saveSettings = ({ enhancement, isMatched, volume }: Settings): void => {
  try {
    localStorage.setItem(key, JSON.stringify({ enhancement, isMatched, volume }))
  } catch {
    // As above.
  }
}
