/** Files that a command line asks to have written: looked at before any work, so that nobody loses one by a slip. */
import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { accessSync, constants, lstatSync, readlinkSync, realpathSync, statSync } from "node:fs"
import { rename, rm, writeFile } from "node:fs/promises"
import { basename, dirname, extname, join, resolve } from "node:path"
import type { AudioWriteError } from "../domain/audio/AudioWriteError.ts"
import { writeErrorFrom } from "../layers/audio/audioWriteErrors.ts"
import { UsageError } from "./UsageError.ts"

export interface NamedFile {
  /** By what it was given: `OUT`, `--report`. */
  readonly by: string
  readonly path: string
}

export interface OutputFile extends NamedFile {
  /** That it may have, in lower case: `.json`. */
  readonly endings: ReadonlyArray<string>
}

export interface OutputOptions {
  readonly inputs: ReadonlyArray<NamedFile>
  readonly outputs: ReadonlyArray<OutputFile>
  /** Whether files that are there may be replaced. */
  readonly force: boolean
}

/** Inodes may be larger than a number holds. None where there is nothing, or nothing that may be looked at. */
const statOf = (path: string, stat: typeof statSync | typeof lstatSync = statSync) => {
  try {
    return stat(path, { bigint: true })
  } catch {
    return undefined
  }
}

/** More than a file system follows (Linux, path_resolution(7)). */
const maximumLinks = 40

/** Where a path leads that no file is at yet: through links that lead nowhere so far, to real folder and name. */
const realPlace = (path: string, links = 0): string => {
  if (links < maximumLinks && statOf(path, lstatSync)?.isSymbolicLink() === true)
    return realPlace(resolve(dirname(path), readlinkSync(path)), links + 1)
  try {
    return join(realpathSync(dirname(path)), basename(path))
  } catch {
    return path
  }
}

/** The same for all names of a file: its device and inode, or where it is going to be. */
const identityOf = (path: string): string => {
  const entry = statOf(path)
  return entry === undefined ? realPlace(resolve(path)) : `${entry.dev}:${entry.ino}`
}

const complaintAboutFolder = (path: string): string | undefined => {
  const folder = dirname(realPlace(resolve(path)))
  const entry = statOf(folder)
  if (entry === undefined) return "its folder does not exist; create it first"
  if (!entry.isDirectory()) return `${basename(folder)} is a file, not a folder; name another place`
  try {
    accessSync(folder, constants.W_OK)
    return undefined
  } catch {
    return "its folder may not be written to; choose another one, or change its permissions"
  }
}

/** What is wrong with one output beside all other files, as the rest of a sentence. */
const complaintAbout = (output: OutputFile, others: ReadonlyArray<NamedFile>, force: boolean): string | undefined => {
  const { endings, path } = output
  if (!endings.includes(extname(path).toLowerCase()))
    return `lathe writes ${endings.join(" and ")} there; give it ${endings.length === 1 ? "this ending" : "one of these endings"}`
  const folder = complaintAboutFolder(path)
  if (folder !== undefined) return folder
  const entry = statOf(path)
  if (entry?.isDirectory() === true) return "it is a directory; name a file"
  const twin = others.find((other) => identityOf(other.path) === identityOf(path))
  if (twin !== undefined) return `it is the same file as ${twin.by}; name another one`
  if (entry !== undefined && !force) return "it is there already; name another file, or replace it with --force"
  return undefined
}

/** Refuses what would overwrite an input, another output, or, unless it is forced, anything at all. */
export const checkOutputs = ({ force, inputs, outputs }: OutputOptions): Effect.Effect<void, UsageError> =>
  Effect.suspend(() => {
    for (const [n, output] of outputs.entries()) {
      const complaint = complaintAbout(output, [...inputs, ...outputs.slice(0, n)], force)
      if (complaint !== undefined) {
        const message = `${output.by} ${basename(output.path)} cannot be written: ${complaint}.`
        return new UsageError({ code: "invalid_output", message })
      }
    }
    return Effect.void
  })

/** The whole text or nothing: what was there stays until the new one is complete. */
export const writeWhole = (path: string, text: string): Effect.Effect<void, AudioWriteError> => {
  const target = realPlace(resolve(path))
  const part = join(dirname(target), `.${basename(target)}.${randomUUID()}.part`)
  return Effect.tryPromise({
    try: async () => {
      try {
        await writeFile(part, text, { flag: "wx" })
        await rename(part, target)
      } catch (cause) {
        await rm(part, { force: true })
        throw cause
      }
    },
    catch: (cause) => writeErrorFrom(path, cause)
  }).pipe(Effect.uninterruptible)
}
