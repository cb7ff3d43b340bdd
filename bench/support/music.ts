/** Real music to measure with: what Debian's package wesnoth-1.16-music installs (GPL-2+ and CC BY-SA). */
import { existsSync } from "node:fs"
import { join } from "node:path"

const folder = "/usr/share/games/wesnoth/1.16/data/core/music"

/** Orchestral, ambient and percussive pieces of more than 100 s, stereo at 44.1 kHz. */
const names = [
  "battle",
  "breaking_the_chains",
  "casualties_of_war",
  "elvish-theme",
  "frantic",
  "heroes_rite",
  "knolls",
  "legends_of_the_north",
  "nunc_dimittis",
  "the_dangerous_symphony",
  "traveling_minstrels",
  "underground"
]

export interface Piece {
  readonly name: string
  readonly path: string
}

/** Why there is none, or the pieces. */
export const realMusic = (): ReadonlyArray<Piece> | string => {
  const pieces = names.map((name) => ({ name, path: join(folder, `${name}.ogg`) }))
  return pieces.every(({ path }) => existsSync(path))
    ? pieces
    : "There is no real music here: install Debian's wesnoth-1.16-music. Nothing was measured."
}
