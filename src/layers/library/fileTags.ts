/** What a file's tags say, as the catalogue keeps it: several values joined, numbers as numbers, text as it was meant. */
import { type IAudioMetadata, type IRatio, selectCover } from "music-metadata"
import type { TrackDetails } from "../../domain/library/Track.ts"
import type { TrackArt } from "../../services/TrackFileReader.ts"
import { artFrom } from "./pictures.ts"

/** Characters. No name is longer, and a list of names that is, is cut. */
const longestText = 1000

/** Between several values of one tag. */
const separator = "; "

/** As the formats call it: Vorbis, APEv2 and ASF; ID3v2; RIFF INFO; iTunes. */
const titleTags: ReadonlySet<string> = new Set(["title", "tit2", "tt2", "inam", "©nam"])

/** Text of one byte a character, by their standards; many programs write UTF-8. */
const bytewiseTags = ["exif", "ID3v1"]

const textOf = (text: string | undefined): string | null =>
  text?.slice(0, longestText).replaceAll("\0", " ").trim() || null

const joined = (values: ReadonlyArray<string> | undefined): string | null =>
  textOf([...new Set(values)].filter((value) => value.trim() !== "").join(separator))

const wholeOf = (tag: number | null | undefined): number | null =>
  tag !== undefined && Number.isInteger(tag) && tag! > 0 && tag! < 100_000 ? tag! : null

const finite = (value: number | undefined): number | null =>
  value === undefined || !Number.isFinite(value) ? null : value

/** UTF-8 that was read as Latin-1, read again; undefined where it is none. */
const asUtf8 = (text: string): string | undefined => {
  if (!/[\x80-\xff]/.test(text) || /[^\0-\xff]/.test(text)) return undefined
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(text, "latin1"))
  } catch {
    return undefined
  }
}

/** Texts of a file's tags that were meant as others. */
const repairsOf = ({ native }: IAudioMetadata): ReadonlyMap<string, string> => {
  const repairs = new Map<string, string>()
  for (const { value } of bytewiseTags.flatMap((type) => native[type] ?? [])) {
    const meant = typeof value === "string" ? asUtf8(value) : undefined
    if (meant !== undefined) repairs.set(String(value), meant)
  }
  return repairs
}

/** The parser keeps the last of several. */
const titlesOf = ({ common, native }: IAudioMetadata): ReadonlyArray<string> => {
  if (common.title === undefined) return []
  for (const tags of Object.values(native)) {
    const titles = tags
      .filter(({ id, value }) => titleTags.has(id.toLowerCase()) && typeof value === "string")
      .map(({ value }) => String(value))
    if (titles.includes(common.title)) return titles
  }
  return [common.title]
}

/**
 * One name, as it was written, or all of them. The parser gives the first of several where they stand in one tag, and
 * joins them by itself where they stand in the plural one.
 */
const namesOf = (
  metadata: IAudioMetadata,
  name: string | undefined,
  names: ReadonlyArray<string> | undefined
): ReadonlyArray<string> => {
  if (name === undefined) return names ?? []
  const isWritten = Object.values(metadata.native).some((tags) => tags.some(({ value }) => value === name))
  return names !== undefined && names.length > 1 && (name === names[0] || !isWritten) ? names : [name]
}

/** RFC 7845, 5.2.1: 256ths of a decibel, towards -23 LUFS. */
const r128GainOf = ({ native }: IAudioMetadata, name: string): number | null => {
  const tag = (native.vorbis ?? []).find(({ id }) => id.toUpperCase() === name)
  const value = tag === undefined ? Number.NaN : Number.parseInt(String(tag.value), 10)
  return Math.abs(value) <= 32_768 ? value / 256 : null
}

const gainOf = (ratio: IRatio | undefined): number | null => finite(ratio?.dB)
const peakOf = (ratio: IRatio | undefined): number | null => finite(ratio?.ratio)

export const artOf = ({ common }: IAudioMetadata): TrackArt | undefined => {
  const picture = selectCover(common.picture)
  return picture === null ? undefined : artFrom(picture.data)
}

/** Bits a second that the file says, or the parser has counted. */
export const bitRateOf = ({ format }: IAudioMetadata): number | null => wholeBitRate(format.bitrate)

export const wholeBitRate = (bitRate: number | undefined): number | null =>
  bitRate === undefined || !(bitRate >= 1) || !Number.isFinite(bitRate) ? null : Math.round(bitRate)

export const bitDepthOf = ({ format }: IAudioMetadata): number | null => wholeOf(format.bitsPerSample)

/** All but what the decoder knows better. */
export const namesAndNumbersOf = (metadata: IAudioMetadata) => {
  const { common } = metadata
  const repairs = repairsOf(metadata)
  const meant = (values: ReadonlyArray<string> | undefined) =>
    joined(values?.map((value) => repairs.get(value) ?? value))
  return {
    title: meant(titlesOf(metadata)),
    artist: meant(namesOf(metadata, common.artist, common.artists)),
    album: meant(common.album === undefined ? [] : [common.album]),
    album_artist: meant(namesOf(metadata, common.albumartist, common.albumartists)),
    track_number: wholeOf(common.track.no),
    disc_number: wholeOf(common.disk.no),
    year: wholeOf(common.year),
    genre: meant(common.genre),
    composer: meant(common.composer),
    musicbrainz_recording_id: textOf(common.musicbrainz_recordingid),
    musicbrainz_track_id: textOf(common.musicbrainz_trackid),
    musicbrainz_album_id: textOf(common.musicbrainz_albumid),
    musicbrainz_release_group_id: textOf(common.musicbrainz_releasegroupid),
    musicbrainz_artist_id: joined(common.musicbrainz_artistid),
    musicbrainz_album_artist_id: joined(common.musicbrainz_albumartistid),
    replaygain_track_gain_db: gainOf(common.replaygain_track_gain),
    replaygain_track_peak: peakOf(common.replaygain_track_peak),
    replaygain_album_gain_db: gainOf(common.replaygain_album_gain),
    replaygain_album_peak: peakOf(common.replaygain_album_peak),
    r128_track_gain_db: r128GainOf(metadata, "R128_TRACK_GAIN"),
    r128_album_gain_db: r128GainOf(metadata, "R128_ALBUM_GAIN")
  } satisfies Partial<TrackDetails> & { readonly title: string | null }
}
