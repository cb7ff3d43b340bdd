import { endianness } from "node:os"

const isLittleEndian = endianness() === "LE"

/** Samples as files and wires hold them: their own memory where the machine is little-endian, else a copy. */
export const littleEndianBytes = (samples: Float32Array<ArrayBuffer>): Buffer<ArrayBuffer> => {
  const bytes = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)
  return isLittleEndian ? bytes : Buffer.from(bytes).swap32()
}

/** The samples that such bytes hold: in their own memory where the machine is little-endian, swapped in place else. */
export const fromLittleEndian = (bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> => {
  if (!isLittleEndian) Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).swap32()
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
}
