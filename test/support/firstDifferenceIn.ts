/** Where two values part, in a sentence: a second of music printed twice is no help to anybody. */
import { inspect, isDeepStrictEqual } from "node:util"

/** Longer ones are not printed as a whole. */
const longestPrinted = 200

type List = { readonly length: number; readonly [index: number]: unknown }
const isList = (value: unknown): value is List =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))

const isObject = (value: unknown): value is object => value !== null && typeof value === "object"

/** At most 500 characters. */
export const show = (value: unknown): string => {
  const text = typeof value === "string" ? JSON.stringify(value) : inspect(value, { depth: 2, maxArrayLength: 10 })
  return text.length > 500 ? `${text.slice(0, 500)}...` : text
}

/** A list of numbers or anything else that is too long to print, at any depth. */
export const holdsLongArray = (value: unknown): boolean =>
  isObject(value) &&
  (isList(value)
    ? value.length > longestPrinted || (Array.isArray(value) && value.some(holdsLongArray))
    : Object.values(value).some(holdsLongArray))

const within = (actual: unknown, expected: unknown, path: string): string => {
  const here = path === "" ? "" : `${path}: `
  if (!isObject(actual) || !isObject(expected)) return `${here}${show(actual)}, expected ${show(expected)}`
  if (Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected)) return `${here}two kinds of objects`
  if (isList(actual) && isList(expected) && actual.length !== expected.length) {
    return `${here}${actual.length} values, expected ${expected.length}`
  }
  const keys = isList(actual)
    ? Array.from({ length: actual.length }, (_, index) => index)
    : [...new Set([...Object.keys(actual), ...Object.keys(expected)])]
  for (const key of keys) {
    const [one, other] = [Reflect.get(actual, key), Reflect.get(expected, key)]
    if (!isDeepStrictEqual(one, other))
      return within(one, other, typeof key === "number" ? `${path}[${key}]` : `${path}.${key}`)
  }
  return `${here}${show(actual)}, expected ${show(expected)}`
}

/** Of two that are not equal: the place and what is there. */
export const firstDifferenceIn = (actual: unknown, expected: unknown): string => within(actual, expected, "")
