/** What is known of the track that is heard beside its stream: analysis, waveforms, and the library's spread. */
import type { TrackAnalysis } from "../../src/domain/fingerprint/Fingerprint.ts"
import type { Source } from "../audio/PlayoutMixer.ts"
import { api } from "../library/api.ts"
import type { LibrarySpread, Track } from "../library/Track.ts"
import { WaveformPeaks } from "../pictures/WaveformPeaks.ts"

const points = 1000

interface Gathered {
  readonly original: WaveformPeaks
  readonly enhanced: WaveformPeaks
}

export class TrackPictures {
  readonly #onChange: () => void
  #track: Track | undefined
  /** By track: the next one is gathered while the last one is still heard. */
  readonly #gathered = new Map<number, Gathered>()
  #whole: WaveformPeaks | undefined
  #analysis: TrackAnalysis | undefined
  #spread: LibrarySpread | undefined
  #loading: AbortController | undefined

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  get analysis(): TrackAnalysis | undefined {
    return this.#analysis
  }
  get spread(): LibrarySpread | undefined {
    return this.#spread
  }
  get waveforms(): { readonly original: WaveformPeaks | undefined; readonly enhanced: WaveformPeaks | undefined } {
    const gathered = this.#track === undefined ? undefined : this.#gathered.get(this.#track.id)
    return { original: this.#whole ?? gathered?.original, enhanced: gathered?.enhanced }
  }

  /** The track that is heard now. */
  show(track: Track | undefined): void {
    if (track?.id === this.#track?.id) return
    const old = this.#track
    this.#track = track
    if (old !== undefined) this.#gathered.delete(old.id)
    this.#whole = undefined
    this.#analysis = undefined
    if (track !== undefined) this.load()
    this.#onChange()
  }

  /** Fetches what there is: again, when the analysis of the track has been finished. */
  load(): void {
    const track = this.#track
    if (track === undefined) return
    this.#loading?.abort()
    const loading = new AbortController()
    this.#loading = loading
    const { signal } = loading
    const keep = <T>(request: Promise<T>, take: (answer: T) => void) =>
      request.then(
        (answer) => {
          if (signal.aborted) return
          take(answer)
          this.#onChange()
        },
        // Not there, or not yet: what depends on it says so.
        () => {}
      )
    void keep(api.analysis(track.id, signal), (analysis) => (this.#analysis = analysis))
    void keep(api.waveform(track.id, points, signal), ({ max, min }) => (this.#whole = WaveformPeaks.of(min, max)))
    void keep(api.spread(signal), (spread) => (this.#spread = spread))
  }

  add(source: Source, track: Track, offsetFrames: number, interleaved: Float32Array): void {
    let gathered = this.#gathered.get(track.id)
    if (gathered === undefined) {
      const make = () => new WaveformPeaks(points, Math.round(track.duration * track.sample_rate))
      gathered = { original: make(), enhanced: make() }
      this.#gathered.set(track.id, gathered)
    }
    gathered[source].add(offsetFrames, interleaved, track.channels)
  }

  /** The enhanced sound is another one from now on. */
  forgetEnhanced(): void {
    if (this.#track !== undefined) this.#gathered.get(this.#track.id)?.enhanced.clear()
  }
}
