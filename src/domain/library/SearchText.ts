/** Text as it is searched and sorted by: without case, accents and punctuation. */

// A run of these scripts has no spaces between its words: every character is searched as a word of its own.
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/gu

/** The words of a text: lower case, no accents, one space between them; empty where there is no letter or digit. */
export const foldWords = (text: string): string =>
  text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(unspaced, (character) => ` ${character} `)
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim()

/** What sorts texts as people do: folded, without a leading "the", numbers by their value. */
export const sortText = (text: string): string =>
  (foldWords(text) || text.toLowerCase()).replace(/^the (?=.)/, "").replace(/\d+/g, (digits) => digits.padStart(6, "0"))

/** Behind every text: where what is not known is sorted to. */
export const sortLast = "\u{10FFFF}"
