/// <reference lib="es2024.arraybuffer" />

/**
 * A list of numbers that grows by one value a block or a hop, for as long as a track lasts. Kept in pieces: growing by
 * doubling would hold up to three times what was pushed.
 */

export interface Series<A extends Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>> {
  readonly push: (value: number) => void
  /** What was pushed, in one array that the receiver keeps. Empties the series. */
  readonly take: () => A
}

const pieceLength = 65_536

const makeSeries =
  <A extends Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>(allocate: (length: number) => A) =>
  (): Series<A> => {
    let pieces: Array<A> = []
    let last = allocate(pieceLength)
    let filled = 0
    return {
      push: (value) => {
        if (filled === pieceLength) {
          pieces.push(last)
          last = allocate(pieceLength)
          filled = 0
        }
        last[filled++] = value
      },
      take: () => {
        const all = allocate(pieces.length * pieceLength + filled)
        pieces.forEach((piece, i) => {
          all.set(piece, i * pieceLength)
          // Gives its memory back now: at the end of a long track a collection may come too late.
          piece.buffer.transfer(0)
        })
        all.set(last.subarray(0, filled), pieces.length * pieceLength)
        pieces = []
        filled = 0
        return all
      }
    }
  }

export const makeSeries32 = makeSeries((length) => new Float32Array(length))
export const makeSeries64 = makeSeries((length) => new Float64Array(length))
