/**
 * The assertions of all tests: those of `node:assert/strict`, and a few more that say in one word what would take a
 * sentence. Not chai's, which come with vitest: their deep equality takes `Option.none()` for `Option.some(x)`. What
 * fails says where long arrays part, not all that they hold.
 */
import nodeAssert from "node:assert/strict"
import { isDeepStrictEqual } from "node:util"
import { firstDifferenceIn, holdsLongArray, show } from "./firstDifferenceIn.ts"

type Message = string | undefined

const fail = (sentence: string, message: Message): never => {
  throw new nodeAssert.AssertionError({ message: message === undefined ? sentence : `${message}: ${sentence}` })
}

function strictEqual<T>(actual: unknown, expected: T, message?: string): asserts actual is T {
  nodeAssert.strictEqual(actual, expected, message)
}

function deepStrictEqual<T>(actual: unknown, expected: T, message?: string): asserts actual is T {
  if (isDeepStrictEqual(actual, expected)) return
  if (holdsLongArray(actual) || holdsLongArray(expected)) fail(firstDifferenceIn(actual, expected), message)
  nodeAssert.deepStrictEqual(actual, expected, message)
}

function notDeepStrictEqual(actual: unknown, expected: unknown, message?: string): void {
  nodeAssert.notDeepStrictEqual(actual, expected, message)
}

type Container = string | ReadonlyArray<unknown> | ReadonlySet<unknown> | null | undefined

const contains = (container: Container, item: unknown): boolean => {
  if (typeof container === "string") return typeof item === "string" && container.includes(item)
  if (Array.isArray(container)) return container.includes(item)
  return container instanceof Set && container.has(item)
}

function includes(container: Container, item: unknown, message?: string): void {
  if (!contains(container, item)) fail(`${show(container)} does not include ${show(item)}`, message)
}

function excludes(container: Container, item: unknown, message?: string): void {
  if (contains(container, item)) fail(`${show(container)} includes ${show(item)}`, message)
}

/** Each field of `expected` is deeply equal in `actual`, which may have more; one of an array's items does where it is one. */
function hasFields(actual: unknown, expected: object, message?: string): void {
  if (actual === null || typeof actual !== "object") return fail(`${show(actual)} has no fields`, message)
  if (Array.isArray(actual)) {
    if (!actual.some((item) => isDeepStrictEqual(item, expected))) deepStrictEqual(actual, [expected], message)
    return
  }
  const found = Object.fromEntries(
    Object.keys(expected).flatMap((key) => (key in actual ? [[key, (actual as Record<string, unknown>)[key]]] : []))
  )
  deepStrictEqual(found, { ...expected }, message)
}

function isTrue(value: unknown, message?: string): asserts value is true {
  nodeAssert.strictEqual(value, true, message)
}

function isFalse(value: unknown, message?: string): asserts value is false {
  nodeAssert.strictEqual(value, false, message)
}

function isUndefined(value: unknown, message?: string): asserts value is undefined {
  nodeAssert.strictEqual(value, undefined, message)
}

function isDefined<T>(value: T, message?: string): asserts value is Exclude<T, undefined> {
  if (value === undefined) fail("undefined, expected a value", message)
}

function isNull(value: unknown, message?: string): asserts value is null {
  nodeAssert.strictEqual(value, null, message)
}

function isNotNull<T>(value: T, message?: string): asserts value is Exclude<T, null> {
  if (value === null) fail("null, expected a value", message)
}

function isString(value: unknown, message?: string): asserts value is string {
  nodeAssert.strictEqual(typeof value, "string", message)
}

function isNumber(value: unknown, message?: string): asserts value is number {
  nodeAssert.strictEqual(typeof value, "number", message)
}

function instanceOf<T>(
  value: unknown,
  constructor: abstract new (...words: never) => T,
  message?: string
): asserts value is T {
  if (!(value instanceof constructor)) fail(`${show(value)} is no ${constructor.name}`, message)
}

type Sized = string | { readonly length: number } | { readonly size: number }
const sizeOf = (value: Sized): number => (typeof value === "string" || "length" in value ? value.length : value.size)

function lengthOf(value: Sized, length: number, message?: string): void {
  const size = sizeOf(value)
  if (size === length) return
  const items = size <= 20 && Array.isArray(value) ? `: ${show(JSON.stringify(value))}` : ""
  fail(`${size} long, expected ${length}${items}`, message)
}

function isEmpty(value: Sized, message?: string): void {
  if (sizeOf(value) > 0) deepStrictEqual(value, Array.isArray(value) ? [] : "", message)
}

function isNotEmpty(value: Sized, message?: string): void {
  if (sizeOf(value) === 0) fail("empty, expected something", message)
}

const compare =
  (holds: (value: number, bound: number) => boolean, words: string) =>
  (value: number, bound: number, message?: string): void => {
    // What is missing counts as 0 in a comparison.
    if (typeof value !== "number" || !holds(value, bound)) fail(`${value} is not ${words} ${bound}`, message)
  }

/** The same items, in any order. */
function sameMembers(actual: ReadonlyArray<unknown>, expected: ReadonlyArray<unknown>, message?: string): void {
  const left = [...expected]
  for (const item of actual) {
    const at = left.findIndex((other) => isDeepStrictEqual(item, other))
    if (at >= 0) left.splice(at, 1)
  }
  if (left.length > 0 || actual.length !== expected.length) deepStrictEqual(actual, expected, message)
}

function includesMembers(actual: ReadonlyArray<unknown>, expected: ReadonlyArray<unknown>, message?: string): void {
  for (const item of expected) includes(actual, item, message)
}

function ok(value: unknown, message?: string): asserts value {
  nodeAssert.ok(value, message)
}

interface Assert {
  (value: unknown, message?: string): asserts value
  readonly strictEqual: typeof strictEqual
  readonly notStrictEqual: typeof nodeAssert.notStrictEqual
  readonly deepStrictEqual: typeof deepStrictEqual
  readonly notDeepStrictEqual: typeof notDeepStrictEqual
  readonly match: typeof nodeAssert.match
  readonly doesNotMatch: typeof nodeAssert.doesNotMatch
  readonly throws: typeof nodeAssert.throws
  readonly rejects: typeof nodeAssert.rejects
  readonly fail: typeof nodeAssert.fail
  readonly includes: typeof includes
  readonly excludes: typeof excludes
  readonly hasFields: typeof hasFields
  readonly sameMembers: typeof sameMembers
  readonly includesMembers: typeof includesMembers
  readonly lengthOf: typeof lengthOf
  readonly isEmpty: typeof isEmpty
  readonly isNotEmpty: typeof isNotEmpty
  readonly isTrue: typeof isTrue
  readonly isFalse: typeof isFalse
  readonly isUndefined: typeof isUndefined
  readonly isDefined: typeof isDefined
  readonly isNull: typeof isNull
  readonly isNotNull: typeof isNotNull
  readonly isString: typeof isString
  readonly isNumber: typeof isNumber
  readonly instanceOf: typeof instanceOf
  /** Within `tolerance` of `expected`. */
  readonly closeTo: (actual: number, expected: number, tolerance: number, message?: string) => void
  readonly isAbove: (value: number, bound: number, message?: string) => void
  readonly isAtLeast: (value: number, bound: number, message?: string) => void
  readonly isBelow: (value: number, bound: number, message?: string) => void
  readonly isAtMost: (value: number, bound: number, message?: string) => void
}

export const assert: Assert = Object.assign(ok, {
  strictEqual,
  notStrictEqual: nodeAssert.notStrictEqual,
  deepStrictEqual,
  notDeepStrictEqual,
  match: nodeAssert.match,
  doesNotMatch: nodeAssert.doesNotMatch,
  throws: nodeAssert.throws,
  rejects: nodeAssert.rejects,
  fail: nodeAssert.fail,
  includes,
  excludes,
  hasFields,
  sameMembers,
  includesMembers,
  lengthOf,
  isEmpty,
  isNotEmpty,
  isTrue,
  isFalse,
  isUndefined,
  isDefined,
  isNull,
  isNotNull,
  isString,
  isNumber,
  instanceOf,
  closeTo: (actual: number, expected: number, tolerance: number, message?: string) => {
    // Not by the difference of two infinities, which is none.
    const isClose = actual === expected || Math.abs(actual - expected) <= tolerance
    if (typeof actual !== "number" || !isClose) {
      fail(`${actual} is not within ${tolerance} of ${expected}`, message)
    }
  },
  isAbove: compare((value, bound) => value > bound, "above"),
  isAtLeast: compare((value, bound) => value >= bound, "at least"),
  isBelow: compare((value, bound) => value < bound, "below"),
  isAtMost: compare((value, bound) => value <= bound, "at most")
})
