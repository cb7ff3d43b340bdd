/**
 * What a file's own bytes say about why it cannot be read, or not to its end. FFmpeg reports most of it as "invalid
 * data", or plays what is there without a word.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs"
import { lastFlacFrame } from "./flacFrame.ts"
import type { UnreadableReason } from "../../../domain/audio/AnalysisError.ts"

/** Why the file system does not give the file, if it does not. */
export const fileFault = (path: string): UnreadableReason | undefined => {
  try {
    const stat = statSync(path)
    if (stat.isDirectory()) return "directory"
    // Opening a pipe would wait for a writer.
    if (!stat.isFile()) return "denied"
    if (stat.size === 0) return "empty"
    closeSync(openSync(path, "r"))
    return undefined
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined
    return code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG" || code === "ELOOP" ? "missing" : "denied"
  }
}

export type PcmCodec = "pcm_u8" | "pcm_s16le" | "pcm_s24le" | "pcm_s32le" | "pcm_f32le" | "pcm_f64le"

export interface ContainerFacts {
  /** The audio is encrypted. */
  readonly encrypted: boolean
  /** The container says that it has more bytes, or more pages, than the file holds. */
  readonly cutShort: boolean
  /** Samples per channel, where FFmpeg does not know what the container declares, or the container does not know its end. */
  readonly declaredFrames?: number
  /** FFmpeg's name of the codec, where FFmpeg takes it for another one. */
  readonly codec?: PcmCodec
}

/** Looks at the structure of WAV, FLAC, MP4, ASF and Ogg files; other containers tell FFmpeg all that there is to know. */
export const inspect = (path: string): ContainerFacts => {
  const file = openSync(path, "r")
  try {
    const size = statSync(path).size
    const read = (position: number, length: number): Buffer => {
      const buffer = Buffer.alloc(Math.max(0, Math.min(length, size - position)))
      return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, position))
    }
    const head = read(0, 64)
    if (head.toString("latin1", 4, 8) === "ftyp") return inspectMp4(read, size)
    if (head.subarray(0, 16).equals(asfHeader)) return inspectAsf(read, size)
    if (head.toString("latin1", 0, 4) === "fLaC") return inspectFlac(read, size)
    if (head.toString("latin1", 0, 4) === "OggS") return inspectOgg(read, size)
    if (/^(RIFF|RF64).{4}WAVE/s.test(head.toString("latin1", 0, 12))) return inspectWav(read, size)
    return { encrypted: false, cutShort: false }
  } finally {
    closeSync(file)
  }
}

type Read = (position: number, length: number) => Buffer

interface Box {
  readonly type: string
  readonly start: number
  readonly end: number
}

/** ISO 14496-12, 4.2: 32-bit size and type; size 1 means 64 bits follow, size 0 means to the end of the file. */
const boxesIn = (read: Read, from: number, to: number): ReadonlyArray<Box> => {
  const boxes: Array<Box> = []
  let at = from
  while (at + 8 <= to) {
    const header = read(at, 16)
    if (header.length < 8) break
    const short = header.readUInt32BE(0)
    const wide = short === 1 && header.length === 16
    const length = wide ? Number(header.readBigUInt64BE(8)) : short === 0 ? to - at : short
    if (length < 8) break
    boxes.push({ type: header.toString("latin1", 4, 8), start: at + (wide ? 16 : 8), end: at + length })
    at += length
  }
  return boxes
}

// Sample entries of protected audio: Apple's FairPlay, and ISO 14496-12, 8.12.
const protectedEntries = new Set(["drms", "enca", "p608"])

const inspectMp4 = (read: Read, size: number): ContainerFacts => {
  const top = boxesIn(read, 0, size)
  const inside = (parents: ReadonlyArray<Box>, type: string) =>
    parents.flatMap((parent) =>
      boxesIn(read, parent.start, Math.min(parent.end, size)).filter((box) => box.type === type)
    )
  const moov = top.filter((box) => box.type === "moov")
  const tables = ["trak", "mdia", "minf", "stbl", "stsd"].reduce(inside, moov)
  const encrypted = tables.some((stsd) =>
    // A full box with a count comes before the entries.
    boxesIn(read, stsd.start + 8, Math.min(stsd.end, size)).some((entry) => protectedEntries.has(entry.type))
  )
  const last = top.at(-1)
  return { encrypted, cutShort: last === undefined || last.end > size || moov.length === 0 }
}

const guid = (hex: string) => Buffer.from(hex, "hex")
// Advanced Systems Format specification, 10: Header, Content Encryption, Extended and Advanced Content Encryption.
const asfHeader = guid("3026b2758e66cf11a6d900aa0062ce6c")
const asfFileProperties = guid("a1dcab8c47a9cf118ee400c00c205365")
const asfEncryption = [
  guid("fbb31122 23bdd211b4b700a0c955fc6e".replaceAll(" ", "")),
  guid("14e68a29 2226174cb935dae07ee9289c".replaceAll(" ", "")),
  guid("33850543 81 69e6499b74ad12cb86d58c".replaceAll(" ", ""))
]

const inspectAsf = (read: Read, size: number): ContainerFacts => {
  const length = Number(read(16, 8).readBigUInt64LE(0))
  const header = read(0, Math.min(length, size, 1 << 20))
  const properties = header.indexOf(asfFileProperties)
  // Behind its id, its own size and the file's id; 0 in a broadcast.
  const sizeAt = properties + 16 + 8 + 16
  const declared = properties >= 0 && sizeAt + 8 <= header.length ? Number(header.readBigUInt64LE(sizeAt)) : 0
  return { encrypted: asfEncryption.some((id) => header.includes(id)), cutShort: declared > size }
}

// Size of a WAV that was written to a pipe, where nobody can go back to fill it in: 0, or all ones, 31 or 32 of them,
// less some bytes of header.
const isPlaceholder = (bytes: number) =>
  bytes === 0 || (bytes >= 0x7fff_0000 && bytes <= 0x7fff_ffff) || (bytes >= 0xffff_0000 && bytes <= 0xffff_ffff)

const inspectWav = (read: Read, size: number): ContainerFacts => {
  let bytesPerFrame = 0
  let isPcm = false
  let wideSize: number | undefined
  let codec: PcmCodec | undefined
  for (let at = 12; at + 8 <= size;) {
    const header = read(at, 8)
    const type = header.toString("latin1", 0, 4)
    let length = header.readUInt32LE(4)
    if (type === "data") {
      // RF64 (EBU Tech 3306): all ones here, the size in the chunk before.
      if (length === 0xffff_ffff && wideSize !== undefined) length = wideSize
      else if (isPlaceholder(length)) length = codec === undefined ? 0 : size - at - 8
      if (at + 8 + length <= size) {
        if (codec === undefined) break
        return { encrypted: false, cutShort: false, codec, declaredFrames: Math.floor(length / bytesPerFrame) }
      }
      const declaredFrames = Math.floor(length / bytesPerFrame)
      const told = codec === undefined ? {} : { codec }
      return { encrypted: false, cutShort: true, ...told, ...(isPcm && bytesPerFrame > 0 ? { declaredFrames } : {}) }
    }
    if (type === "fmt " && length >= 16) {
      const format = read(at + 8, 40)
      if (format.length >= 16) {
        // PCM, IEEE float, and what says which of them in an extension (mmreg.h).
        isPcm = [1, 3, 0xfffe].includes(format.readUInt16LE(0))
        bytesPerFrame = format.readUInt16LE(12)
        codec = paddedCodec(format)
      }
    } else if (type === "ds64") {
      const sizes = read(at + 8, 16)
      if (sizes.length === 16) wideSize = Number(sizes.readBigUInt64LE(8))
    }
    at += 8 + length + (length % 2)
    if (at + 8 > size) return { encrypted: false, cutShort: true }
  }
  return { encrypted: false, cutShort: false }
}

const integerCodecs: ReadonlyArray<PcmCodec> = ["pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le"]

/**
 * mmreg.h: a sample may have fewer valid bits than it has room for, and is then at the upper end of it. FFmpeg goes by the
 * valid bits alone. Undefined where that comes to the same.
 */
const paddedCodec = (format: Buffer): PcmCodec | undefined => {
  const isExtensible = format.readUInt16LE(0) === 0xfffe && format.length >= 26
  const kind = format.readUInt16LE(isExtensible ? 24 : 0)
  const validBits = format.readUInt16LE(isExtensible ? 18 : 14)
  const bytes = format.readUInt16LE(12) / format.readUInt16LE(2)
  if (bytes === Math.ceil(validBits / 8)) return undefined
  if (kind === 1) return integerCodecs[bytes - 1]
  return kind === 3 ? (bytes === 4 ? "pcm_f32le" : bytes === 8 ? "pcm_f64le" : undefined) : undefined
}

/** RFC 9639, 8.1: blocks of metadata, the last one marked; audio follows it. */
const inspectFlac = (read: Read, size: number): ContainerFacts => {
  for (let at = 4; ;) {
    const header = read(at, 4)
    if (header.length < 4) return { encrypted: false, cutShort: true }
    at += 4 + header.readUIntBE(1, 3)
    if ((header[0]! & 0x80) !== 0) return { encrypted: false, cutShort: at >= size, ...flacLength(read, at, size) }
  }
}

/** Bytes in which the last frame of a FLAC begins: sixteen of its largest common ones. */
const flacTail = 1 << 18

/** By its last frame, if that is whole: the header may say nothing, or that of another file. */
const flacLength = (read: Read, audioStart: number, size: number): { readonly declaredFrames?: number } => {
  // STREAMINFO (RFC 9639, 8.2) is the first block: the smallest block, the largest, 36 bits of length at bit 108.
  const info = read(8, 34)
  if (info.length < 34) return {}
  const from = Math.max(audioStart, size - flacTail)
  const last = lastFlacFrame(read(from, size - from), info.readUInt16BE(2))
  if (last === undefined) return {}
  const frames = last.startFrame + last.lengthFrames
  const declared = (info[13]! & 0xf) * 2 ** 32 + info.readUInt32BE(14)
  return frames === declared ? {} : { declaredFrames: frames }
}

// RFC 3533, 6: a page is at most 65307 bytes; flag 4 marks the last page of a stream.
const oggPageMaximum = 65_307

const inspectOgg = (read: Read, size: number): ContainerFacts => {
  const from = Math.max(0, size - oggPageMaximum)
  const tail = read(from, oggPageMaximum)
  for (let at = tail.lastIndexOf("OggS"); at >= 0; at = at === 0 ? -1 : tail.lastIndexOf("OggS", at - 1)) {
    const page = tail.subarray(at)
    if (page.length < 27 || page.length < 27 + page[26]!) return { encrypted: false, cutShort: true }
    // The four letters also occur inside packets by chance.
    if (page[4] !== 0) continue
    let length = 27 + page[26]!
    for (let segment = 0; segment < page[26]!; segment++) length += page[27 + segment]!
    // A packet goes on behind a page whose last segment is full.
    const isOpen = page[26]! > 0 && page[26 + page[26]!] === 255
    // Not every encoder marks the last page.
    return { encrypted: false, cutShort: length > page.length || ((page[5]! & 4) === 0 && isOpen) }
  }
  return { encrypted: false, cutShort: true }
}

/** Whether the file starts like a container of audio, so that a failure to open it means damage. */
export const looksLikeAudio = (path: string): boolean => {
  const file = openSync(path, "r")
  try {
    const head = Buffer.alloc(12)
    readSync(file, head, 0, 12, 0)
    const text = head.toString("latin1")
    return (
      /^(fLaC|OggS|ID3|.{4}ftyp|(RIFF|RF64).{4}WAVE|FORM.{4}AIF[FC]|caff|\.snd)/s.test(text) ||
      head.equals(asfHeader.subarray(0, 12))
    )
  } finally {
    closeSync(file)
  }
}
