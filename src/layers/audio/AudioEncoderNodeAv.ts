/** AudioEncoder: WAV written here, FLAC by FFmpeg's encoder through node-av. */
import { randomUUID } from "node:crypto"
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { Effect, Layer, Stream } from "effect"
import { FFmpegError } from "node-av/lib"
import { AudioWriteError } from "../../domain/audio/AudioWriteError.ts"
import { AudioEncoder, type WriteBlock, type WriteFormat } from "../../services/AudioEncoder.ts"
import { writeErrorFrom } from "./audioWriteErrors.ts"
import { type FileWriter, makeFlacWriter, makeWavWriter } from "./nodeAv/writers.ts"

const makeWriter = (path: string, { sampleRate, channels, encoding, tags = {} }: WriteFormat) =>
  Effect.try({
    try: (): FileWriter =>
      encoding.container === "wav"
        ? makeWavWriter({ sampleRate, channels, sampleFormat: encoding.sampleFormat })
        : makeFlacWriter({ sampleRate, channels, sampleFormat: encoding.sampleFormat, tags }),
    catch: (cause) =>
      new AudioWriteError({
        file: basename(path),
        reason: "unsupported_format",
        detail: cause instanceof FFmpegError ? cause.message : String(cause)
      })
  })

/** A new file beside `path`. It takes the name when its scope closes well, and goes when not. */
const makePart = (path: string) => {
  const attempt = <A>(evaluate: () => Promise<A>) =>
    Effect.tryPromise({ try: evaluate, catch: (cause) => writeErrorFrom(path, cause) })
  const partPath = join(dirname(path), `.${basename(path)}.${randomUUID()}.part`)
  return Effect.gen(function* () {
    const isFolder = yield* Effect.promise(() =>
      stat(path).then(
        (entry) => entry.isDirectory(),
        () => false
      )
    )
    if (isFolder) return yield* new AudioWriteError({ file: basename(path), reason: "directory" })
    let isComplete = false
    const file = yield* Effect.acquireRelease(
      attempt(() => open(partPath, "wx")),
      (file) =>
        Effect.promise(async () => {
          await file.close().catch(() => {})
          if (!isComplete) await rm(partPath, { force: true }).catch(() => {})
        })
    )
    return {
      append: (bytes: Buffer) => attempt(() => writeFully(file, bytes, null)),
      replaceStart: (bytes: Buffer) => attempt(() => writeFully(file, bytes, 0)),
      complete: Effect.uninterruptible(
        attempt(async () => {
          await file.sync()
          await rename(partPath, path)
          isComplete = true
        })
      )
    }
  })
}

const writeFully = async (file: FileHandle, bytes: Buffer, position: number | null) => {
  for (let written = 0; written < bytes.length;) {
    const at = position === null ? null : position + written
    written += (await file.write(bytes, written, bytes.length - written, at)).bytesWritten
  }
}

const interleave = (block: WriteBlock, channels: number): Float32Array => {
  if (block instanceof Float32Array) {
    if (block.length % channels !== 0) throw new Error(`${block.length} samples are no whole frames of ${channels}`)
    return block
  }
  const length = block[0]?.length ?? 0
  if (block.length !== channels || block.some((samples) => samples.length !== length)) {
    throw new Error(`A block has ${block.length} channels or unequal lengths; ${channels} channels were announced`)
  }
  const out = new Float32Array(length * channels)
  block.forEach((samples, channel) => {
    for (let n = 0, index = channel; n < length; n++, index += channels) out[index] = samples[n]!
  })
  return out
}

const write = <E, R>(
  path: string,
  format: WriteFormat,
  blocks: Stream.Stream<WriteBlock, E, R>
): Effect.Effect<{ readonly framesWritten: number }, E | AudioWriteError, R> =>
  Effect.scoped(
    Effect.gen(function* () {
      const writer = yield* Effect.acquireRelease(makeWriter(path, format), (writer) => Effect.sync(writer.close))
      const part = yield* makePart(path)
      yield* part.append(writer.start())
      let framesWritten = 0
      yield* Stream.runForEach(blocks, (block) =>
        Effect.suspend(() => {
          const interleaved = interleave(block, format.channels)
          framesWritten += interleaved.length / format.channels
          return part.append(writer.encode(interleaved))
        })
      )
      const { tail, header } = yield* Effect.sync(writer.finish)
      yield* part.append(tail)
      yield* part.replaceStart(header)
      yield* part.complete
      return { framesWritten }
    })
  ).pipe(Effect.withSpan("AudioEncoder.write"))

export const layer = Layer.succeed(AudioEncoder, AudioEncoder.of({ write }))
