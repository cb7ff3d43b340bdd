/** The formats that are read, and how their files are called. */

export interface AudioFormat {
  readonly name: string
  /** Lower case, without the point. */
  readonly endings: ReadonlyArray<string>
}

/** All that the decoder opens and whose files hold music, not films. docs/formats.md is this table. */
const audioFormats: ReadonlyArray<AudioFormat> = [
  { name: "WAV, RF64, Wave64", endings: ["wav", "wave", "bwf", "rf64", "w64"] },
  { name: "AIFF, AIFF-C", endings: ["aif", "aiff", "aifc"] },
  { name: "FLAC", endings: ["flac", "fla"] },
  { name: "MPEG audio, layers 1 to 3", endings: ["mp3", "mp2", "mp1", "mpa"] },
  { name: "MPEG-4: AAC, ALAC", endings: ["m4a", "m4b", "m4r", "mp4"] },
  { name: "AAC in ADTS", endings: ["aac"] },
  { name: "Ogg: Vorbis, Opus, FLAC, Speex", endings: ["ogg", "oga", "opus", "spx"] },
  { name: "Matroska, WebM", endings: ["mka", "webm", "weba"] },
  { name: "Windows Media Audio", endings: ["wma", "asf"] },
  { name: "WavPack", endings: ["wv"] },
  { name: "True Audio", endings: ["tta"] },
  { name: "Monkey's Audio", endings: ["ape"] },
  { name: "Musepack", endings: ["mpc", "mpp", "mp+"] },
  { name: "TAK", endings: ["tak"] },
  { name: "Core Audio Format", endings: ["caf"] },
  { name: "Sun, NeXT", endings: ["au", "snd"] },
  { name: "Dolby Digital", endings: ["ac3", "eac3"] },
  { name: "DSD, up to 384 kHz of bytes", endings: ["dsf", "dff"] }
]

const endings: ReadonlySet<string> = new Set(audioFormats.flatMap((format) => format.endings))

/** Behind the last point of a file's name, lower case; empty where there is none. */
export const endingOf = (name: string): string => /[^.]\.([^.]*)$/.exec(name)?.[1]?.toLowerCase() ?? ""

export const isAudioEnding = (ending: string): boolean => endings.has(ending)
