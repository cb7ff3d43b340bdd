/** Damage to the structure of audio files, by what knows it: counts, sizes, nesting, repetition and order. Seeded. */
import { allParts, copyOf, encodeFile, type Field, number, type Part } from "./containers.ts"
import type { Mutant } from "./mutations.ts"

/** Uniform in [0, 1). */
type Random = () => number

interface Damage {
  readonly name: string
  /** Says what it did; undefined: nothing. No part may grow beyond `largest` bytes. */
  readonly apply: (root: Part, random: Random, largest: number) => string | undefined
}

/** Bytes: no part grows far beyond. */
export const defaultLargest = 2 ** 22

const integer = (random: Random, below: number): number => Math.floor(random() * Math.max(1, below))
const choice = <A>(random: Random, among: ReadonlyArray<A>): A => among[integer(random, among.length)]!
/** Small numbers as likely as large ones. */
const upTo = (random: Random, most: number): number => Math.max(1, Math.floor(most ** random()))

const nameOf = ({ tag }: Part) => JSON.stringify(tag.slice(0, 16))

const lengthOf = (part: Part): number => encodeFile(part).length

/** What a reader finds instead of a number of so many bits that counts something. */
const wrong = (random: Random, value: number, bits: number): number => {
  const most = 2 ** bits - 1
  const others = [
    value * 2 ** upTo(random, bits),
    Math.floor(value / 2 ** upTo(random, bits)),
    value + 1,
    value - 1,
    0,
    most,
    most - 1,
    2 ** (bits - 1),
    2 ** (bits - 1) - 1
  ]
  return Math.min(most, Math.max(0, choice(random, others)))
}

const readNumber = (bytes: Buffer, { at, isBigEndian, size }: Field): number => {
  const own = bytes.subarray(at, at + size)
  return [...(isBigEndian ? own : own.toReversed())].reduce((value, byte) => value * 256 + byte, 0)
}

/** A part has this many words that may count something, at its start. */
const headBytes = 64

/** The counts of a part that are known, or any word at its start. */
const countIn = (part: Part, random: Random): Field | undefined => {
  const known = part.counts.filter(({ at, size }) => at + size <= part.lead.length)
  if (known.length > 0 && random() < 0.8) return choice(random, known)
  const size = choice(random, [1, 2, 4, 8] as const)
  if (part.lead.length < size) return undefined
  const at = integer(random, Math.min(headBytes, part.lead.length - size + 1))
  return { name: "a number", at, size, isBigEndian: random() < 0.5 }
}

const parentsIn = (root: Part) => allParts(root).filter(({ children }) => children.length > 0)

/** Any part but the file; those that hold others, or are counted, more often than frames of audio. */
const anyPart = (root: Part, random: Random): Part => {
  const parts = allParts(root).slice(1)
  const kinds = new Map(parts.map((part) => [part.framing, part.tag.slice(0, 4)]))
  const framing = choice(random, [...kinds.keys()])
  return choice(
    random,
    parts.filter((part) => part.framing === framing)
  )
}

const damages: ReadonlyArray<Damage> = [
  {
    name: "size",
    apply: (root, random) => {
      const sized = allParts(root).filter(({ framing }) => framing.sizeBits !== undefined)
      if (sized.length === 0) return undefined
      const part = choice(random, sized)
      const { toldSize: _, ...honest } = part
      part.toldSize = wrong(random, lengthOf({ ...honest, depth: 0, times: 1 }), part.framing.sizeBits!)
      return `${nameOf(part)} = ${part.toldSize}`
    }
  },
  {
    name: "count",
    apply: (root, random) => {
      const counted = allParts(root).filter(({ counts }) => counts.length > 0)
      const part = random() < 0.7 && counted.length > 0 ? choice(random, counted) : anyPart(root, random)
      const field = countIn(part, random)
      if (field === undefined) return undefined
      const value = wrong(random, readNumber(part.lead, field), 8 * field.size)
      part.lead = Buffer.from(part.lead)
      part.lead.set(number(value, field.size, field.isBigEndian), field.at)
      return `${field.name} of ${nameOf(part)}, at ${field.at}, = ${value}`
    }
  },
  {
    name: "nested into itself",
    apply: (root, random, largest) => {
      const parents = parentsIn(root).slice(1)
      const part = random() < 0.7 && parents.length > 0 ? choice(random, parents) : anyPart(root, random)
      if (part.framing.join !== undefined) return undefined
      const each = Math.max(8, part.framing.header(part.tag, 0).length + part.lead.length)
      part.depth = upTo(random, Math.min(2 ** 16, largest / each))
      return `${nameOf(part)}, ${part.depth} deep`
    }
  },
  {
    name: "repeated",
    apply: (root, random, largest) => {
      const part = anyPart(root, random)
      part.times = upTo(random, largest / Math.max(1, lengthOf({ ...part, times: 1 })))
      return `${nameOf(part)}, ${part.times} times`
    }
  },
  {
    name: "emptied and repeated",
    apply: (root, random, largest) => {
      const part = anyPart(root, random)
      part.lead = part.lead.subarray(0, choice(random, [0, 0, 1, 4, 8]))
      part.children = []
      part.times = upTo(random, largest / Math.max(8, lengthOf({ ...part, times: 1 })))
      return `${nameOf(part)}, ${part.times} times`
    }
  },
  {
    name: "filled",
    apply: (root, random, largest) => {
      // A table that holds what its count says, or a text without end.
      const part = anyPart(root, random)
      const unit = part.lead.subarray(-choice(random, [1, 4, 8, 12, part.lead.length]))
      if (unit.length === 0) return undefined
      const times = upTo(random, largest / unit.length)
      const field = part.counts.at(-1)
      part.lead = Buffer.concat([part.lead, Buffer.alloc(unit.length * times, unit)])
      if (field !== undefined && field.at + field.size <= part.lead.length)
        part.lead.set(number(readNumber(part.lead, field) + times, field.size, field.isBigEndian), field.at)
      return `${nameOf(part)}, ${times} times ${unit.length} bytes`
    }
  },
  {
    name: "moved",
    apply: (root, random) => {
      const part = anyPart(root, random)
      const from = parentsIn(root).find(({ children }) => children.includes(part))!
      const inside = new Set(allParts(part))
      const to = choice(
        random,
        parentsIn(root).filter((other) => !inside.has(other))
      )
      from.children = from.children.filter((child) => child !== part)
      to.children.splice(integer(random, to.children.length + 1), 0, part)
      return `${nameOf(part)} into ${nameOf(to)}`
    }
  },
  {
    name: "removed",
    apply: (root, random) => {
      const part = anyPart(root, random)
      const from = parentsIn(root).find(({ children }) => children.includes(part))!
      from.children = from.children.filter((child) => child !== part)
      return nameOf(part)
    }
  },
  {
    name: "cut short",
    apply: (root, random) => {
      const part = anyPart(root, random)
      if (part.children.length > 0) {
        part.children = part.children.slice(0, integer(random, part.children.length))
        return `${nameOf(part)} to ${part.children.length} parts`
      }
      part.lead = part.lead.subarray(0, random() < 0.5 ? integer(random, 16) : integer(random, part.lead.length))
      return `${nameOf(part)} to ${part.lead.length} bytes`
    }
  },
  {
    name: "called by another's name",
    apply: (root, random) => {
      const part = anyPart(root, random)
      const others = allParts(root).filter(({ framing, tag }) => framing === part.framing && tag !== part.tag)
      if (others.length === 0) return undefined
      const before = nameOf(part)
      part.tag = choice(random, others).tag
      return `${before} as ${nameOf(part)}`
    }
  }
]

/** One to three kinds of damage to a copy of a file, of which now and then the end is missing too. */
export const mutateStructure = (original: Part, random: Random, largest = defaultLargest): Mutant => {
  const root = copyOf(original)
  const changes: Array<string> = []
  for (let left = 1 + integer(random, 3); left > 0;) {
    const { apply, name } = choice(random, damages)
    const detail = apply(root, random, largest)
    // Together they may be larger than each, by far.
    if (detail === undefined) continue
    changes.push(`${name} (${detail})`)
    // Nothing is left to damage once all parts of the file are gone.
    left = tooLarge(root) || allParts(root).length < 2 ? 0 : left - 1
  }
  const bytes = encodeFile(root)
  if (random() > 0.1) return { bytes, changes }
  const end = integer(random, bytes.length)
  return { bytes: bytes.subarray(0, end), changes: [...changes, `the file cut short (at ${end})`] }
}

const tooLarge = (root: Part) =>
  allParts(root).some(({ depth = 0, times = 1, lead }) => depth + times > 64 || lead.length > 2 ** 18)
