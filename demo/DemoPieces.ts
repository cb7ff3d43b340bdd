import * as GlassCircuit from "./GlassCircuit.ts"
import * as LateFerry from "./LateFerry.ts"
import * as Overpass from "./Overpass.ts"
import * as PaperLanterns from "./PaperLanterns.ts"
import type { Stereo } from "./Stereo.ts"

export interface DemoPiece {
  readonly fileName: string
  readonly title: string
  readonly artist: "lathe"
  readonly album: "Demo"
  readonly bpm: number
  /**
   * The finished master at a rate in Hz: planar stereo, full scale = 1, 60-90 s. The same samples for the same rate.
   * Takes seconds of processor time: not for an event loop that serves anything else.
   */
  readonly render: (sampleRate: number) => Stereo
}

const piece = (title: string, { bpm, render }: Pick<DemoPiece, "bpm" | "render">): DemoPiece => ({
  fileName: `${title}.flac`,
  title,
  artist: "lathe",
  album: "Demo",
  bpm,
  render
})

/**
 * Music to try lathe with, one for each class of the mastering decision: compressed loud, dynamic loud, quiet, and a
 * moderate one.
 */
export const demoPieces: ReadonlyArray<DemoPiece> = [
  piece("Overpass", Overpass),
  piece("Glass Circuit", GlassCircuit),
  piece("Paper Lanterns", PaperLanterns),
  piece("Late Ferry", LateFerry)
]
