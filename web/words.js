// @ts-check
/** What the page says: times, fingerprint states and mastering moves in words. */

/** @param {number} seconds */
export const clock = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds))
  const rest = String(whole % 60).padStart(2, "0")
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes}:${rest}`
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`
}

/** @param {number} seconds */
export const spokenTime = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds))
  const minutes = Math.floor(whole / 60)
  const part = (count, unit) => `${count} ${unit}${count === 1 ? "" : "s"}`
  return minutes === 0 ? part(whole, "second") : `${part(minutes, "minute")} ${part(whole % 60, "second")}`
}

const sources = { database: "the database", sidecar: "the file beside the track", server: "the fingerprint server" }

/** @param {{ status: string, source?: string, message?: string }} progress */
export const fingerprintSentence = ({ status, source, message }) => {
  const from = sources[source] === undefined ? "" : ` from ${sources[source]}`
  switch (status) {
    case "cached":
      return `Fingerprint: known already${from}.`
    case "queued":
      return "Fingerprint: waiting for its turn. Until it is there, the music is mastered as it goes."
    case "analyzing":
      return "Fingerprint: analysing."
    case "complete":
      return `Fingerprint: complete${from}.`
    default:
      return `Fingerprint: ${message ?? status}`
  }
}

const number = (value, digits) => value.toFixed(digits).replace("-", "\u2212")

/** @param {{ amount: number, unit: string }} move */
export const amountOf = ({ amount, unit }) => {
  if (unit === "ratio") return `${number(amount, 1)} : 1`
  if (unit === "factor") return number(amount, 2)
  const sign = amount > 0 && unit !== "dBTP" ? "+" : ""
  return `${sign}${number(amount, 1)} ${unit}`
}
