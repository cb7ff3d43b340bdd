/** Calls `onLine` for each whole line of a stream of bytes; false: a line went past `longest` bytes. */
export const makeLineSplitter = (longest: number, onLine: (line: string) => void) => {
  let rest = Buffer.alloc(0)
  return (bytes: Buffer): boolean => {
    rest = Buffer.concat([rest, bytes])
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      const line = rest.subarray(0, end).toString("utf8")
      rest = rest.subarray(end + 1)
      onLine(line)
    }
    return rest.length <= longest
  }
}
