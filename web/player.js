// @ts-check
/** The page: a list of tracks, one player. Protocol: docs/protocol.md. */
import { AudioOutput } from "./audio-output.js"
import { Connection } from "./connection.js"
import { amountOf, clock, fingerprintSentence, spokenTime } from "./words.js"

/**
 * @typedef {{ id: number, title: string, artist: string | null, album: string | null, duration: number,
 *   sample_rate: number, channels: number }} Track
 */

/** Frames of 250 ms that may be under way or buffered: 2 s. */
const credits = 8
/** Arrow keys on the slider: seek once they rest. */
const seekDelayMs = 200

/** @param {string} id @returns {any} */
const element = (id) => document.getElementById(id)

const view = {
  connection: element("connection"),
  alert: element("alert"),
  title: element("playing-title"),
  state: element("state"),
  position: element("position"),
  time: element("time"),
  pause: element("pause"),
  stop: element("stop"),
  fingerprint: element("fingerprint"),
  percent: element("fingerprint-percent"),
  preset: element("preset"),
  intensity: element("intensity"),
  intensityValue: element("intensity-value"),
  plan: element("plan"),
  planSummary: element("plan-summary"),
  planMoves: element("plan-moves"),
  tracks: element("tracks"),
  tracksState: element("tracks-state")
}

/** What is played now; undefined while nothing is. */
let playback

/**
 * @typedef {object} Playback
 * @property {Track} track
 * @property {boolean} isEnhanced
 * @property {number | undefined} epoch of the stream whose frames count; undefined while the start is awaited
 * @property {number} sampleRate
 * @property {number} startSeconds
 * @property {number} playedFrames
 * @property {Array<number>} frameEnds samples per channel at which the frames that are not credited yet have been played
 * @property {number} receivedFrames
 * @property {boolean} isPaused
 * @property {boolean} hasEnded the service has sent everything
 */

/** Of the latest stream that has started on this connection: epochs rise with every play and seek. */
let latestEpoch = 0

const output = new AudioOutput({
  onPlayed: (playedFrames) => {
    if (playback === undefined) return
    playback.playedFrames = playedFrames
    let consumed = 0
    while (playback.frameEnds.length > 0 && playback.frameEnds[0] <= playedFrames) {
      playback.frameEnds.shift()
      consumed += 1
    }
    if (consumed > 0 && playback.epoch !== undefined && !playback.hasEnded) {
      connection.send("credit", { frames: consumed })
    }
    if (!isDragging) showPosition(positionSeconds())
  },
  onPlaying: () => playback !== undefined && say(playingSentence()),
  onStarved: () => playback !== undefined && say("Waiting for more of the music …"),
  onDrained: () => {
    if (playback === undefined) return
    const { track } = playback
    finish(`${track.title} has ended.`)
  }
})

const connection = new Connection(new URL("/ws", location.href.replace(/^http/, "ws")).href, {
  onOpen: () => {
    view.connection.textContent = "Connected"
    latestEpoch = 0
    if (tracks.length === 0) void loadTracks()
  },
  onClose: (retryMs) => {
    view.connection.textContent = `No connection. Next attempt in ${Math.max(1, Math.round(retryMs / 1000))} s.`
    if (playback === undefined || playback.hasEnded) return
    const { track } = playback
    const at = clock(positionSeconds())
    finish("Stopped.")
    warn(`The connection was lost while ${track.title} played, at ${at}. Play it again once the page is connected.`)
  },
  onFrame: (meta, samples) => {
    if (playback === undefined || meta.stream_epoch !== playback.epoch) return
    playback.receivedFrames += meta.sample_count
    playback.frameEnds.push(playback.receivedFrames)
    output.write(samples)
  },
  onMessage: (type, data) => handlers[type]?.(data)
})

/** @type {Record<string, (data: any) => void>} */
const handlers = {
  audio_stream_start: (data) => {
    latestEpoch = Math.max(latestEpoch, data.stream_epoch)
    if (playback === undefined || data.stream_epoch < latestEpoch || data.track_id !== playback.track.id) return
    if (data.sample_rate !== output.context?.sampleRate || data.channels !== output.channels) {
      connection.send("stop")
      finish("Stopped.")
      warn(`${playback?.track.title ?? "The track"} has changed on the disk. Reload the page and play it again.`)
      return
    }
    playback.epoch = data.stream_epoch
    playback.sampleRate = data.sample_rate
    playback.startSeconds = data.seek_position
    playback.playedFrames = 0
    playback.receivedFrames = 0
    playback.frameEnds = []
    playback.hasEnded = false
    output.begin()
    view.position.max = String(Math.floor(data.total_duration))
    showPosition(data.seek_position)
  },
  fingerprint_progress: (data) => {
    if (isCurrent(data)) showFingerprint(data)
  },
  mastering_plan: (data) => {
    if (isCurrent(data)) showPlan(data.plan ?? data)
  },
  audio_stream_end: (data) => {
    if (playback === undefined || data.stream_epoch !== playback.epoch || data.reason !== "completed") return
    playback.hasEnded = true
    output.end()
  },
  audio_stream_error: (data) => {
    // A stream that could not start has no epoch here yet, and a later one than any that has started.
    if (
      playback === undefined ||
      data.stream_epoch <= (playback.epoch === undefined ? latestEpoch : playback.epoch - 1)
    )
      return
    finish("Stopped by a fault.")
    warn(data.error)
  },
  error: (data) => {
    // A refused play has no stream that could end.
    if (playback !== undefined && playback.epoch === undefined) finish("Stopped.")
    warn(data.message ?? data.error ?? "The service refused this, without a reason.")
  }
}

const isCurrent = ({ stream_epoch }) =>
  playback !== undefined && (stream_epoch === undefined || stream_epoch === playback.epoch)

/** @param {Track} track @param {boolean} isEnhanced */
const play = async (track, isEnhanced) => {
  hideWarning()
  if (!connection.isOpen) {
    warn("There is no connection to the service now. Try again when the page is connected.")
    return
  }
  /** @type {Playback} */
  const started = {
    track,
    isEnhanced,
    epoch: undefined,
    sampleRate: track.sample_rate,
    startSeconds: 0,
    playedFrames: 0,
    frameEnds: [],
    receivedFrames: 0,
    isPaused: false,
    hasEnded: false
  }
  playback = started
  output.begin()
  showPlayback()
  say("Starting …")
  try {
    await output.prepare(track.sample_rate, track.channels)
    await output.resume()
  } catch {
    if (playback !== started) return
    finish("Stopped.")
    warn(`This browser cannot play sound at ${track.sample_rate} Hz with ${track.channels} channels.`)
    return
  }
  if (playback !== started) return
  const request = { track_id: track.id, credits }
  if (isEnhanced) {
    const intensity = Number(view.intensity.value) / 100
    connection.send("play_enhanced", { ...request, preset: view.preset.value, intensity })
  } else {
    connection.send("play_normal", request)
  }
}

/** @param {number} seconds */
const seek = (seconds) => {
  if (playback === undefined) return
  hideWarning()
  // Frames of the old stream that are still under way carry the old epoch and are dropped.
  playback.epoch = undefined
  playback.startSeconds = seconds
  playback.playedFrames = 0
  playback.frameEnds = []
  playback.hasEnded = false
  playback.isPaused = false
  output.begin()
  void output.resume()
  showPlayback()
  showPosition(seconds)
  say(`Going to ${clock(seconds)} …`)
  connection.send("seek", { position: seconds })
}

const togglePause = async () => {
  if (playback === undefined) return
  playback.isPaused = !playback.isPaused
  view.pause.textContent = playback.isPaused ? "Resume" : "Pause"
  // Once everything has arrived there is no stream left to pause, only the sound.
  if (!playback.hasEnded) connection.send(playback.isPaused ? "pause" : "resume")
  say(playback.isPaused ? `Paused at ${clock(positionSeconds())}.` : playingSentence())
  await (playback.isPaused ? output.pause() : output.resume())
}

const stop = () => {
  if (playback === undefined) return
  connection.send("stop")
  finish("Stopped.")
}

/** @param {string} sentence */
const finish = (sentence) => {
  playback = undefined
  output.begin()
  showPlayback()
  say(sentence)
}

const positionSeconds = () =>
  playback === undefined ? 0 : playback.startSeconds + playback.playedFrames / playback.sampleRate

const playingSentence = () => (playback?.isEnhanced ? "Playing, enhanced." : "Playing the original.")

/** @param {string} sentence */
const say = (sentence) => {
  view.state.textContent = sentence
}

/** @param {string} sentence */
const warn = (sentence) => {
  view.alert.textContent = sentence
  view.alert.hidden = false
}

const hideWarning = () => {
  view.alert.hidden = true
}

const showPlayback = () => {
  const isPlaying = playback !== undefined
  view.title.textContent = isPlaying ? playback.track.title : "Nothing is playing"
  document.title = isPlaying ? `${playback.track.title} \u2013 lathe` : "lathe"
  for (const control of [view.position, view.pause, view.stop]) control.disabled = !isPlaying
  view.pause.textContent = isPlaying && playback.isPaused ? "Resume" : "Pause"
  for (const item of view.tracks.children) {
    item.setAttribute("aria-current", String(isPlaying && item.dataset.id === String(playback.track.id)))
  }
  if (!isPlaying || playback.epoch === undefined) showFingerprint(undefined)
  if (!isPlaying || !playback.isEnhanced) view.plan.hidden = true
  if (isPlaying) {
    view.position.max = String(Math.floor(playback.track.duration))
    showPosition(positionSeconds())
  } else {
    view.position.value = "0"
    view.time.textContent = "0:00 / 0:00"
  }
}

/** @param {number} seconds */
const showPosition = (seconds) => {
  if (playback === undefined) return
  const { duration } = playback.track
  view.position.value = String(Math.floor(seconds))
  view.position.setAttribute("aria-valuetext", `${spokenTime(seconds)} of ${spokenTime(duration)}`)
  view.time.textContent = `${clock(seconds)} / ${clock(duration)}`
}

/** @param {{ status: string, percent?: number, source?: string, message?: string } | undefined} progress */
const showFingerprint = (progress) => {
  const sentence = progress === undefined ? "" : fingerprintSentence(progress)
  // Said once, not at every percent: the percentage stands outside the live region.
  if (view.fingerprint.textContent !== sentence) view.fingerprint.textContent = sentence
  const percent = progress?.status === "analyzing" ? progress.percent : undefined
  view.percent.textContent = percent === undefined ? "" : `${Math.round(percent)} %`
}

/** @param {{ summary: string, moves: Array<{ parameter: string, amount: number, unit: string, reason: string }> }} plan */
const showPlan = (plan) => {
  view.planSummary.textContent = plan.summary
  view.planMoves.replaceChildren(
    ...plan.moves.map((move) => {
      const item = document.createElement("li")
      const amount = document.createElement("span")
      amount.className = "amount"
      amount.textContent = amountOf(move)
      item.append(`${move.parameter}: `, amount, `. ${move.reason}`)
      return item
    })
  )
  view.plan.hidden = false
}

/** @type {Array<Track>} */
let tracks = []

const loadTracks = async () => {
  try {
    const response = await fetch("/api/tracks")
    if (!response.ok) throw new Error(String(response.status))
    tracks = await response.json()
    view.tracksState.textContent = tracks.length === 0 ? "The library is empty: no audio file in its folders yet." : ""
    view.tracksState.hidden = tracks.length > 0
    view.tracks.replaceChildren(...tracks.map(trackItem))
  } catch {
    view.tracksState.hidden = false
    view.tracksState.textContent = "The list of tracks could not be loaded. It is tried again with the connection."
  }
}

/** @param {Track} track */
const trackItem = (track) => {
  const item = document.createElement("li")
  item.dataset.id = String(track.id)
  const names = document.createElement("div")
  const title = document.createElement("span")
  title.className = "title"
  title.textContent = track.title
  const artist = document.createElement("span")
  artist.className = "artist"
  artist.textContent = [track.artist, track.album, clock(track.duration)].filter(Boolean).join(" \u00b7 ")
  names.append(title, artist)
  const buttons = document.createElement("div")
  buttons.className = "buttons"
  buttons.append(playButton(track, true), playButton(track, false))
  item.append(names, buttons)
  return item
}

/** @param {Track} track @param {boolean} isEnhanced */
const playButton = (track, isEnhanced) => {
  const button = document.createElement("button")
  button.type = "button"
  button.textContent = isEnhanced ? "Enhanced" : "Original"
  if (isEnhanced) button.className = "primary"
  button.setAttribute("aria-label", `Play ${track.title}, ${isEnhanced ? "enhanced" : "original"}`)
  button.addEventListener("click", () => void play(track, isEnhanced))
  return button
}

let isDragging = false
/** @type {ReturnType<typeof setTimeout> | undefined} */
let seekTimer

view.position.addEventListener("input", () => {
  isDragging = true
  showPosition(Number(view.position.value))
})
view.position.addEventListener("change", () => {
  clearTimeout(seekTimer)
  seekTimer = setTimeout(() => {
    isDragging = false
    seek(Number(view.position.value))
  }, seekDelayMs)
})
view.intensity.addEventListener("input", () => {
  view.intensityValue.textContent = `${view.intensity.value} %`
})
view.pause.addEventListener("click", () => void togglePause())
view.stop.addEventListener("click", stop)
