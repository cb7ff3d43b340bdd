/** A file that is looked through from front to back, a piece at a time. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs"

/** Bytes read at a time. */
const windowBytes = 1 << 18
/** Bytes that are there behind any position, but for the end: more than the header of any frame. */
const lookAhead = 4096

/** @param end Nothing at or behind this byte is looked at. */
export const openWindow = (path: string, end = Infinity) => {
  const file = openSync(path, "r")
  const size = Math.min(end, fstatSync(file).size)
  const memory = Buffer.allocUnsafeSlow(windowBytes + lookAhead)
  let start = 0
  let bytes: Buffer<ArrayBuffer> = memory.subarray(0, 0)
  return {
    size,
    /** Bytes of the file with those at `position` at `offset`, until the next call. */
    around: (position: number): { readonly bytes: Buffer<ArrayBuffer>; readonly offset: number } => {
      const wanted = Math.min(size, position + lookAhead)
      if (position < start || wanted > start + bytes.length) {
        start = position
        const length = Math.max(0, Math.min(memory.length, size - position))
        bytes = memory.subarray(0, readSync(file, memory, 0, length, position))
      }
      return { bytes, offset: position - start }
    },
    close: () => closeSync(file)
  }
}
