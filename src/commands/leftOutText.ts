/** What was found in music folders and not taken in, in words. */
import type { LeftOut } from "../domain/library/Library.ts"

const reasons: Record<LeftOut["reason"], string> = {
  no_audio: "no ending of audio",
  hidden: "hidden",
  link: "links, which are not followed",
  link_broken: "links to nothing",
  link_back: "links to folders that are listed anyway, or that hold the music folder",
  same_file: "listed by another path",
  no_file: "pipes and devices",
  unseen: "cannot be looked at",
  name: "names that are not UTF-8"
}

/** Endings of one reason that are named; the rest is counted. */
const mostNamed = 5

export const leftOutText = (leftOut: ReadonlyArray<LeftOut>): string =>
  Object.entries(reasons)
    .flatMap(([reason, words]) => {
      const some = leftOut.filter((one) => one.reason === reason)
      const files = some.reduce((sum, one) => sum + one.files, 0)
      const named = some
        .slice(0, mostNamed)
        .map(({ ending, files }) => `${files} ${ending === "" ? "without" : `.${ending}`}`)
      const more = some.length > mostNamed ? ", ..." : ""
      return files === 0 ? [] : [`${files} ${words} (${named.join(", ")}${more})`]
    })
    .join("; ")
