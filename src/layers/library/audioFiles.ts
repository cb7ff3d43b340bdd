/** Which files of a folder are music, and which content they have now. */
import { LRUCache } from "lru-cache"
import type { Stats } from "node:fs"
import { realpath, stat, statfs } from "node:fs/promises"
import { basename, sep } from "node:path"
import { endingOf, isAudioEnding } from "../../domain/library/AudioFormats.ts"
import type { FileVersion } from "../../domain/library/Track.ts"

export const isHidden = (path: string): boolean => basename(path).startsWith(".")

export const isAudioName = (path: string): boolean => !isHidden(path) && isAudioEnding(endingOf(basename(path)))

/** What lathe itself writes beside music. */
export const isOfLathe = (name: string): boolean => /\.25d(\.[0-9a-f-]{36}\.tmp)?$/.test(name)

export const versionOf = async (path: string): Promise<FileVersion> => versionFrom(path, await stat(path))

/**
 * File systems that make up their inodes as they go, or keep no time of change: `f_type` of statfs(2), from Linux'
 * magic.h and the sources of the drivers.
 */
const withoutIdentity: ReadonlySet<number> = new Set([
  0x4d44, // vfat
  0x20_11_ba_b0, // exfat
  0x65_73_55_46, // fuse: sshfs, mergerfs, ntfs-3g
  0x51_7b, // smb
  0xff_53_4d_42, // cifs
  0xfe_53_4d_42, // smb2 and later
  0x53_46_54_4e, // ntfs
  0x73_66_74_6e, // ntfs3
  0x01_02_19_97 // 9p
])

/** By device number, which another disk may get: asked again now and then. */
const devices = new LRUCache<number, Promise<boolean>>({ max: 256, ttl: 600_000 })

/** Only Linux' numbers are known. */
const hasIdentity = (path: string, device: number): Promise<boolean> => {
  const known = devices.get(device)
  if (known !== undefined || process.platform !== "linux") return known ?? Promise.resolve(false)
  const asked = statfs(path).then(
    ({ type }) => !withoutIdentity.has(type >>> 0),
    () => false
  )
  devices.set(device, asked)
  return asked
}

const versionFrom = async (path: string, { ctimeMs, dev, ino, mtimeMs, size }: Stats): Promise<FileVersion> => {
  const isKept = await hasIdentity(path, dev)
  return { size, mtime_ms: mtimeMs, inode: isKept ? ino : null, ctime_ms: isKept ? ctimeMs : null }
}

/**
 * What a look at a path has shown: a regular file; nothing that belongs here (no file, a link that leads out, gone);
 * or nothing at all, since the system did not let it be looked at: that says nothing about the file.
 */
export type Look =
  | { readonly is: "file"; readonly version: FileVersion }
  | { readonly is: "none" }
  | { readonly is: "unseen"; readonly cause: unknown }

/** A regular file below the folder; really so where links are not followed. */
export const lookBelow = async (folder: string, path: string, followLinks: boolean): Promise<Look> => {
  try {
    const file = await stat(path)
    const isThere = file.isFile() && (followLinks || (await realpath(path)).startsWith(folder + sep))
    if (!isThere) return { is: "none" }
    return { is: "file", version: await versionFrom(path, file) }
  } catch (cause) {
    return saysGone(cause) ? { is: "none" } : { is: "unseen", cause }
  }
}

const hasCode = (error: unknown, ...codes: ReadonlyArray<string>): boolean =>
  error instanceof Error && "code" in error && codes.includes(String(error.code))

/** Only these say that there is nothing; all others (EACCES, EIO, ESTALE, ...) pass, or are mended. */
export const saysGone = (error: unknown): boolean => hasCode(error, "ENOENT", "ENOTDIR")

/** Whether a path leads to nothing, as against to what cannot be looked at just now. */
export const isGone = async (path: string): Promise<boolean> => {
  try {
    await stat(path)
    return false
  } catch (error) {
    return saysGone(error)
  }
}
