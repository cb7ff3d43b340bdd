/** What was done to the sound that is heard, and why: plan, settings, loudness, spectrum and fingerprint. */
import type { MasteringPlan, Preset } from "../../src/domain/mastering/MasteringPlan.ts"
import type { LoudnessReading } from "../audio/LoudnessMeter.ts"
import { balanceCurve, balanceWords } from "../pictures/balanceCurve.ts"
import { dimensionChart } from "../pictures/dimensionChart.ts"
import { drawSpectrum } from "../pictures/drawSpectrum.ts"
import { type Player, type Stage, stages } from "../playback/Player.ts"
import {
  amountOf,
  causeOf,
  fingerprintSentence,
  level,
  matchSentence,
  number,
  planHeadline,
  stageTitle
} from "../words.ts"
import { cover } from "./cover.ts"
import { h, setAttribute, setDisabled, setText } from "./dom.ts"
import { sourceSwitch } from "./sourceSwitch.ts"
import type { TrackPictures } from "./TrackPictures.ts"

const presets: ReadonlyArray<readonly [Preset, string]> = [
  ["adaptive", "Adaptive"],
  ["gentle", "Gentle"],
  ["warm", "Warm"],
  ["bright", "Bright"],
  ["punchy", "Punchy"]
]

/** Dragging the intensity: what it rests at is sent. */
const intensityDelayMs = 120

const readings: ReadonlyArray<readonly [keyof LoudnessReading, string, string]> = [
  ["momentary", "Momentary", "LUFS"],
  ["shortTerm", "Short-term", "LUFS"],
  ["integrated", "Integrated", "LUFS"],
  ["truePeak", "True peak", "dBTP"]
]

/** What the bars of the loudness table span, LUFS. */
const quietest = -42
const loudest = 0

export class SoundView {
  readonly element: HTMLElement
  readonly #player: Player
  readonly #pictures: TrackPictures
  readonly #empty = h(
    "div",
    { class: "empty" },
    h("h2", {}, "Sound"),
    h(
      "p",
      {},
      "Play something: here you see what is done to its sound, and why, and you hear the difference with one key."
    )
  )
  readonly #content = h("div", { class: "sound-content" })
  readonly #art = h("div", { class: "art" })
  readonly #title = h("h2")
  readonly #about = h("p", { class: "subtitle" })
  readonly #switch
  readonly #matched = h("input", { type: "checkbox", role: "switch" })
  readonly #matchWords = h("p", { class: "note" })
  readonly #found = h("p", { class: "found" })
  readonly #done = h("p", { class: "done" })
  readonly #measured = h("p", { class: "note", role: "status" })
  readonly #progress = h("progress", { max: 100, value: 0, "aria-label": "Measuring" })
  readonly #promise = h("p", { class: "promise" })
  readonly #curve = h("div", { class: "curve-frame" })
  readonly #moves = h("ul", { class: "moves" })
  readonly #presetInputs: ReadonlyArray<HTMLInputElement>
  readonly #intensity = h("input", { type: "range", min: 0, max: 100, step: 5, id: "intensity" })
  readonly #intensityValue = h("output", { for: "intensity" })
  readonly #stageInputs: ReadonlyMap<Stage, HTMLInputElement>
  readonly #settingsNote = h("p", { class: "note", role: "status" })
  readonly #cells = new Map<string, { readonly value: HTMLElement; readonly bar: HTMLElement }>()
  readonly #spectrum = h("canvas", {
    class: "spectrum",
    role: "img",
    "aria-label": "Live spectra of the enhanced sound and the original, 30 Hz to 18 kHz"
  })
  readonly #dimensions = h("div")
  #trackId: number | undefined
  #plan: MasteringPlan | undefined
  #shownAnalysis: unknown
  #shownSpread: unknown
  #intensityTimer: ReturnType<typeof setTimeout> | undefined

  constructor(player: Player, pictures: TrackPictures) {
    this.#player = player
    this.#pictures = pictures
    this.#switch = sourceSwitch(player)
    this.#matched.addEventListener("change", () => player.setMatched(this.#matched.checked))
    this.#presetInputs = presets.map(([value]) => h("input", { type: "radio", name: "preset", value }))
    for (const input of this.#presetInputs) {
      input.addEventListener("change", () => player.setEnhancement({ preset: input.value as Preset }))
    }
    this.#intensity.addEventListener("input", () => {
      setText(this.#intensityValue, `${this.#intensity.value} %`)
      clearTimeout(this.#intensityTimer)
      this.#intensityTimer = setTimeout(
        () => player.setEnhancement({ intensity: this.#intensity.valueAsNumber / 100 }),
        intensityDelayMs
      )
    })
    this.#stageInputs = new Map(
      stages.map((stage) => [stage, h("input", { type: "checkbox", role: "switch", checked: true })])
    )
    for (const input of this.#stageInputs.values()) input.addEventListener("change", () => this.#bypass())
    this.#content.append(
      this.#heading(),
      this.#planCard(),
      this.#settings(),
      this.#loudness(),
      this.#spectra(),
      this.#fingerprint()
    )
    this.#content.hidden = true
    this.#showPlan(undefined, 1)
    this.element = h("section", { class: "sound", "aria-label": "Sound" }, this.#empty, this.#content)
  }

  #bypass(): void {
    this.#player.setEnhancement({ bypass: stages.filter((stage) => this.#stageInputs.get(stage)?.checked === false) })
  }

  // --- Parts

  #heading(): HTMLElement {
    return h(
      "div",
      { class: "card-block hero" },
      h("div", { class: "now" }, this.#art, h("div", { class: "words" }, this.#title, this.#about)),
      this.#switch.element,
      h("label", { class: "switch" }, this.#matched, h("span", {}, "Compare equally loud")),
      this.#matchWords
    )
  }

  #planCard(): HTMLElement {
    return h(
      "section",
      { class: "card-block plan", "aria-label": "What was done and why" },
      h("h3", {}, "What was done, and why"),
      h("div", { class: "headline", "aria-live": "polite" }, this.#found, this.#done),
      h("div", { class: "measuring" }, this.#measured, this.#progress),
      this.#promise,
      this.#curve,
      this.#moves
    )
  }

  #settings(): HTMLElement {
    const stageNames: Record<Stage, string> = {
      balance: "Balance",
      dynamics: "Dynamics",
      stereo: "Stereo",
      loudness: "Loudness"
    }
    return h(
      "section",
      { class: "card-block settings", "aria-label": "Enhancement" },
      h("h3", {}, "Enhancement"),
      h(
        "fieldset",
        { class: "presets" },
        h("legend", {}, "Preset"),
        ...presets.map(([, title], i) => h("label", {}, this.#presetInputs[i]!, h("span", {}, title)))
      ),
      h(
        "div",
        { class: "intensity" },
        h("label", { for: "intensity" }, "Intensity"),
        this.#intensity,
        this.#intensityValue
      ),
      h(
        "fieldset",
        { class: "stages" },
        h("legend", {}, "Stages"),
        ...stages.map((stage) =>
          h("label", { class: "switch" }, this.#stageInputs.get(stage)!, h("span", {}, stageNames[stage]))
        )
      ),
      this.#settingsNote
    )
  }

  #loudness(): HTMLElement {
    const cell = (source: string, [name]: (typeof readings)[number]) => {
      const value = h("span", { class: "value" }, "\u2013")
      const bar = h("span", { class: "fill" })
      this.#cells.set(`${source} ${name}`, { value, bar })
      return h("td", { class: source }, value, h("span", { class: "meter", "aria-hidden": "true" }, bar))
    }
    return h(
      "section",
      { class: "card-block loudness", "aria-label": "Loudness" },
      h("h3", {}, "Loudness"),
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("td"),
            h("th", { scope: "col", class: "original" }, "Original"),
            h("th", { scope: "col", class: "enhanced" }, "Enhanced")
          )
        ),
        h(
          "tbody",
          {},
          ...readings.map((reading) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, reading[1], " ", h("span", { class: "unit" }, reading[2])),
              cell("original", reading),
              cell("enhanced", reading)
            )
          )
        )
      ),
      h("p", { class: "note" }, "Of what was played of this track, each at its own level (ITU-R BS.1770-4).")
    )
  }

  #spectra(): HTMLElement {
    return h(
      "section",
      { class: "card-block", "aria-label": "Spectrum" },
      h("h3", {}, "Spectrum"),
      this.#spectrum,
      h(
        "p",
        { class: "legend" },
        h("span", { class: "key original" }, "Original"),
        h("span", { class: "key enhanced" }, "Enhanced")
      )
    )
  }

  #fingerprint(): HTMLElement {
    return h(
      "section",
      { class: "card-block wide", "aria-label": "Fingerprint" },
      h("h3", {}, "Fingerprint"),
      this.#dimensions
    )
  }

  // --- Changes

  update(): void {
    const { enhancement, entry, fingerprint, isMatched, matchGains, plan } = this.#player.state
    const track = entry?.track
    this.#empty.hidden = track !== undefined
    this.#content.hidden = track === undefined
    this.#showEnhancement()
    if (track === undefined) return
    this.#switch.update()
    this.#matched.checked = isMatched
    setText(this.#matchWords, matchSentence(isMatched, matchGains, plan))
    if (track.id !== this.#trackId) {
      this.#trackId = track.id
      setText(this.#title, track.title)
      const parts = [track.artist, track.album, track.year].filter((part) => part !== null)
      setText(this.#about, parts.length === 0 ? "Unknown artist" : parts.join(" \u00b7 "))
      this.#art.replaceChildren(cover(track.album ?? track.title, track.has_art ? track.id : null))
    }
    setText(this.#measured, fingerprint === undefined ? "" : fingerprintSentence(fingerprint))
    const percent = fingerprint?.status === "analyzing" ? (fingerprint.percent ?? 0) : undefined
    this.#progress.hidden = percent === undefined
    if (percent !== undefined && this.#progress.value !== percent) this.#progress.value = percent
    if (plan !== this.#plan) this.#showPlan(plan, enhancement.intensity)
    this.#showFingerprint()
  }

  #showEnhancement(): void {
    const { canBypass, canGlide, enhancement, status } = this.#player.state
    for (const input of this.#presetInputs) input.checked = input.value === enhancement.preset
    if (document.activeElement !== this.#intensity || this.#intensityValue.textContent === "") {
      this.#intensity.value = String(Math.round(100 * enhancement.intensity))
      setText(this.#intensityValue, `${this.#intensity.value} %`)
    }
    for (const [stage, input] of this.#stageInputs) {
      input.checked = !enhancement.bypass.includes(stage)
      setDisabled(input, canBypass === false)
    }
    const isPlaying = status !== "idle" && status !== "ended"
    setText(
      this.#settingsNote,
      canBypass === false
        ? "This service cannot leave out single stages. Preset and intensity are heard within two seconds."
        : isPlaying
          ? canGlide === false
            ? "Changes are heard within two seconds."
            : "Changes glide in within about two seconds, while it plays."
          : "Used for what is played next."
    )
  }

  #showPlan(plan: MasteringPlan | undefined, intensity: number): void {
    this.#plan = plan
    if (plan === undefined) {
      setText(this.#found, "Deciding what to do \u2026")
      setText(this.#done, "")
      setText(this.#promise, "")
      this.#curve.replaceChildren()
      this.#moves.replaceChildren()
      return
    }
    const { done, found } = planHeadline(plan)
    setText(this.#found, found)
    setText(this.#done, done)
    setText(this.#promise, promiseOf(plan, intensity))
    const gains = plan.settings.balance_db
    const isLevel = plan.settings.bypass || gains.every((gain) => Math.abs(gain) < 0.05)
    this.#curve.replaceChildren(
      isLevel ? h("p", { class: "note" }, balanceWords(gains.map(() => 0))) : balanceCurve(gains)
    )
    const single = plan.moves.filter(({ stage }) => stage !== "balance")
    const balance = plan.moves.filter(({ stage }) => stage === "balance")
    this.#moves.replaceChildren(...single.map(moveItem), ...balance.map(moveItem))
  }

  #showFingerprint(): void {
    const { analysis, spread } = this.#pictures
    if (analysis === this.#shownAnalysis && spread === this.#shownSpread && this.#dimensions.childElementCount > 0)
      return
    this.#shownAnalysis = analysis
    this.#shownSpread = spread
    this.#dimensions.replaceChildren(
      analysis === undefined
        ? h("p", { class: "note" }, "Appears here once the track has been measured.")
        : dimensionChart(analysis.fingerprint, spread)
    )
  }

  /** Called for every picture, not for every change of the state. */
  draw(): void {
    if (this.#content.hidden || this.element.clientWidth === 0) return
    drawSpectrum(this.#spectrum, this.#player.analysers)
  }

  /** A few times a second: figures that change faster cannot be read. */
  showReadings(): void {
    if (this.#content.hidden || this.element.clientWidth === 0) return
    for (const source of ["original", "enhanced"] as const) {
      const reading = this.#player.meters[source].reading()
      for (const [name] of readings) {
        const cell = this.#cells.get(`${source} ${name}`)!
        const value = reading[name]
        setText(cell.value, level(value))
        const share = value === undefined ? 0 : (value - quietest) / (loudest - quietest)
        cell.bar.style.transform = `scaleX(${Math.min(1, Math.max(0, share)).toFixed(3)})`
        if (name === "truePeak")
          setAttribute(cell.bar, "data-over", value !== undefined && value > -0.05 ? "" : undefined)
      }
    }
  }
}

const promiseOf = ({ predicted, settings, target_lufs }: MasteringPlan, intensity: number): string => {
  if (settings.bypass || intensity === 0) return "At intensity 0 every sample stays as it is."
  if (predicted === null) return "How loud it becomes is not known before it is measured."
  const target = target_lufs === null ? "" : `, for a target of ${number(target_lufs, 0)}`
  return `Becomes ${number(predicted.lufs, 1)} LUFS${target}, crest ${number(predicted.crest_db, 1)} dB, true peak ${number(predicted.true_peak_dbtp, 1)} dBTP.`
}

const moveItem = (move: MasteringPlan["moves"][number]): HTMLElement =>
  h(
    "li",
    {},
    h(
      "p",
      { class: "move" },
      h("span", { class: "stage" }, stageTitle(move.stage)),
      h("span", { class: "parameter" }, move.parameter),
      h("span", { class: "amount" }, amountOf(move))
    ),
    h("p", { class: "reason" }, move.reason),
    move.causes.length > 0 && h("p", { class: "causes" }, "Because of ", move.causes.map(causeOf).join(", "))
  )
