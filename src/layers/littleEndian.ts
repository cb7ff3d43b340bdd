import { endianness } from "node:os"

const isLittleEndian = endianness() === "LE"

/** Samples as files and wires hold them: their own memory where the machine is little-endian, else a copy. */
export const littleEndianBytes = (samples: Float32Array<ArrayBuffer>): Buffer<ArrayBuffer> => {
  const bytes = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)
  return isLittleEndian ? bytes : Buffer.from(bytes).swap32()
}
