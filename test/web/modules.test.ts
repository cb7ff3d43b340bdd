/** The player's pure modules. */
import { afterEach, describe, it, vi } from "@effect/vitest"
import { dimensionNames } from "../../src/domain/fingerprint/Fingerprint.ts"
import { decide } from "../../src/domain/mastering/MasteringDecision.ts"
import type { AudioOutput } from "../../web/audio/AudioOutput.ts"
import { dimensionGroups } from "../../web/dimensions.ts"
import { PagedSource } from "../../web/library/PagedSource.ts"
import { WaveformPeaks } from "../../web/pictures/WaveformPeaks.ts"
import { matchGains } from "../../web/playback/loudnessMatch.ts"
import { Player } from "../../web/playback/Player.ts"
import { Queue } from "../../web/playback/Queue.ts"
import { Timeline } from "../../web/playback/Timeline.ts"
import { parseSettings } from "../../web/settings.ts"
import { emptyListWords, scanSentence } from "../../web/views/readingWords.ts"
import { routeOf } from "../../web/views/route.ts"
import { clock, number, planHeadline } from "../../web/words.ts"
import { assert } from "../support/assert.ts"
import { someAnalysis } from "../support/analyses.ts"
import { makeTracks } from "../support/fakeLibraryApi.ts"

const tracks = makeTracks(6)
const titles = (queue: Queue) => queue.entries.map(({ track }) => track.id)

describe("An empty list", () => {
  const before = {
    running: false,
    files_found: 0,
    files_read: 0,
    added: 0,
    updated: 0,
    unreadable: 0,
    left_out: [],
    rate_per_second: null,
    finished_at: null
  }
  const running = { ...before, running: true }
  const ended = { ...before, finished_at: "2026-01-01T00:00:00Z" }
  const status = (tracks: number) => ({
    version: "test",
    tracks,
    fingerprints: { ready: 0, pending: tracks, analyzing: 0, failed: 0, owed: 0 },
    left_out: [],
    fingerprint_server: "available" as const,
    streams_active: 0
  })
  const albums = { view: "albums", noun: "album", search: "", unreadable: 0, status: status(0) } as const
  const words = (parts: Partial<Parameters<typeof emptyListWords>[0]>) =>
    emptyListWords({ ...albums, scan: ended, ...parts }).join(" ")

  it("is not said to be empty before the first scan, while one runs, or while nothing is known of it", () => {
    for (const scan of [undefined, before, running]) {
      assert.strictEqual(words({ scan }), "Your music is being read. What is found appears here.")
      assert.match(words({ scan, search: "x" }), /^No album matches .x.\. Your music is still being read\.$/)
    }
    assert.match(words({ scan: { ...running, files_found: 1200, files_read: 7 } }), /read: 7 of 1,200 files so far\. /)
    assert.strictEqual(scanSentence(before, status(0)), "The music folders are about to be read.")
  })

  it("says after a scan why it is empty, and what to do", () => {
    assert.match(words({}), /^There is no music in the folders that lathe was started with\. .*: lathe serve ~\/Music$/)
    assert.match(words({ unreadable: 1 }), /^No music was found that can be read\. Below is why\. /)
    assert.strictEqual(words({ status: status(3) }), "No track names its album. All are under Tracks.")
    assert.match(words({ search: "x" }), /^No album matches .x.\.$/)
    assert.strictEqual(words({ view: "album", noun: "track" }), "This album is not in the library any more.")
    assert.strictEqual(scanSentence(ended, status(0)), "")
  })
})

describe("The queue", () => {
  it("adds, inserts, moves and removes, and knows what comes before and after", () => {
    const queue = new Queue()
    queue.replace(tracks.slice(0, 3))
    const [first, second, third] = queue.entries
    queue.insertAfter(first!.key, [tracks[3]!])
    queue.append([tracks[0]!])
    assert.deepStrictEqual(titles(queue), [1, 4, 2, 3, 1])
    queue.move(third!.key, -2)
    assert.deepStrictEqual(titles(queue), [1, 3, 4, 2, 1])
    queue.move(first!.key, -1)
    queue.remove(second!.key)
    assert.deepStrictEqual(titles(queue), [1, 3, 4, 1])
    assert.strictEqual(queue.after(third!.key)?.track.id, 4)
    assert.strictEqual(queue.before(first!.key), undefined)
    assert.strictEqual(new Set(queue.entries.map(({ key }) => key)).size, 4)
  })
})

describe("The timeline", () => {
  it("puts the next track right after the last sample", () => {
    const queue = new Queue()
    queue.replace(tracks)
    const [one, two] = queue.entries
    const timeline = new Timeline()
    const first = timeline.begin(one!, 1000)
    first.end = 500
    const second = timeline.append(two!)
    assert.strictEqual(second.start, 500)
    assert.strictEqual(timeline.at(499), first)
    assert.strictEqual(timeline.at(500), second)
    timeline.dropAfter(first)
    assert.isUndefined(timeline.after(first))
  })
})

describe("The player", () => {
  class Socket extends EventTarget {
    static readonly OPEN = 1
    readonly readyState = 1
    readonly sent: Array<string> = []
    constructor() {
      super()
      sockets.push(this)
    }
    send(text: string) {
      this.sent.push(text)
    }
    receive(type: string, data: object) {
      this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify({ type, data }) }))
    }
  }
  const sockets: Array<Socket> = []
  const nothing = () => {}
  const output: Partial<AudioOutput> = {
    fits: () => true,
    prepare: () => Promise.resolve(),
    resume: () => Promise.resolve(),
    begin: nothing,
    select: nothing,
    setEnd: nothing,
    setGain: nothing,
    setVolume: nothing
  }
  afterEach(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
    sockets.length = 0
  })

  it("tells what of the file is damaged, and plays on", async () => {
    vi.useFakeTimers()
    vi.stubGlobal("WebSocket", Socket)
    vi.stubGlobal("addEventListener", nothing)
    const initial = {
      enhancement: { preset: "adaptive", intensity: 1, bypass: [] },
      isMatched: false,
      volume: 1
    } as const
    const listeners = { onChange: nothing, onSamples: nothing, onSoundChanged: nothing }
    // The part of it that is used without sound.
    const player = new Player("ws://localhost", () => output as AudioOutput, initial, listeners)
    player.playTracks(tracks, 0)
    await vi.advanceTimersByTimeAsync(1)
    const [enhanced] = sockets
    const { id: track_id, sample_rate } = tracks[0]!
    const start = { stream_epoch: 1, track_id, sample_rate, channels: 2, seek_position: 0, total_duration: 60 }
    enhanced!.receive("audio_stream_start", start)
    const message = "The file is damaged at 3.0 s: 0.10 s of it are silent. Copy or download it again."
    enhanced!.receive("audio_damaged", { stream_epoch: 1, message, position: 3, duration: 0.1 })
    assert.strictEqual(player.state.notice, message)
    assert.strictEqual(player.state.entry?.track.id, track_id)
  })
})

describe("Matching", () => {
  it("turns the louder one down by the difference, and none up", () => {
    assert.deepStrictEqual(matchGains(-14, -20), { enhanced: -6, original: 0 })
    assert.deepStrictEqual(matchGains(-10.5, -8), { enhanced: 0, original: -2.5 })
    assert.deepStrictEqual(matchGains(undefined, -8), { enhanced: 0, original: 0 })
    assert.deepStrictEqual(matchGains(-Infinity, -8), { enhanced: 0, original: 0 })
  })
})

describe("A paged source", () => {
  const pages =
    (total: number, asked: Array<string | undefined>) => (request: { cursor: string | undefined; limit: number }) => {
      asked.push(request.cursor)
      const first = Number(request.cursor ?? 0)
      const items = Array.from({ length: Math.min(request.limit, total - first) }, (_, i) => first + i)
      const end = first + items.length
      return Promise.resolve({ items, total, next_cursor: end < total ? String(end) : null })
    }

  it("fetches only as far as it is looked at, each page once", async () => {
    const asked: Array<string | undefined> = []
    let resolve = () => {}
    const source = new PagedSource(pages(10_000, asked), () => resolve())
    await new Promise<void>((done) => (resolve = done))
    assert.deepStrictEqual([source.total, source.items.length, asked.length], [10_000, 500, 1])
    const reached = new Promise<void>((done) => (resolve = () => source.items.length >= 1900 && done()))
    source.ensure(1900)
    source.ensure(1850)
    await reached
    assert.strictEqual(source.get(1899), 1899)
    assert.deepStrictEqual(asked, [undefined, "500", "1000", "1500"])
  })

  it("keeps what it has when a page fails, and goes on after a retry", async () => {
    const asked: Array<string | undefined> = []
    const fetch = pages(700, asked)
    let fails = false
    let resolve = () => {}
    const next = () => new Promise<void>((done) => (resolve = done))
    const source = new PagedSource(
      (request) => (fails ? Promise.reject(new Error("gone")) : fetch(request)),
      () => resolve()
    )
    await next()
    fails = true
    source.ensure(700)
    await next()
    assert.instanceOf(source.failure, Error)
    assert.lengthOf(source.items, 500)
    fails = false
    source.retry()
    await next()
    assert.lengthOf(source.items, 700)
  })
})

describe("Waveform peaks", () => {
  it("gather extremes by their place, over all channels, in any order", () => {
    const peaks = new WaveformPeaks(10, 1000)
    const samples = Float32Array.from({ length: 400 }, (_, i) => (i === 101 ? -0.9 : i === 250 ? 0.7 : 0.1))
    peaks.add(500, samples, 2)
    assert.isUndefined(peaks.between(0, 0.5))
    assert.deepStrictEqual(
      peaks.between(0.5, 0.6)!.map((x) => number(x, 2)),
      ["\u22120.90", "0.10"]
    )
    assert.strictEqual(number(peaks.between(0.6, 0.7)![1], 2), "0.70")
    assert.isUndefined(peaks.between(0.7, 1))
  })
})

describe("Words", () => {
  it("tells times and numbers", () => {
    assert.deepStrictEqual([clock(0), clock(59.9), clock(61), clock(3661)], ["0:00", "0:59", "1:01", "1:01:01"])
    assert.deepStrictEqual([number(-0.04, 1), number(-8.2, 1)], ["0.0", "\u22128.2"])
  })

  it("says what a loud and compressed track is, and what is done about it", () => {
    const plan = decide({ analysis: someAnalysis({ lufs: -8.2, crest_db: 8.5 }), preset: "adaptive", intensity: 1 })
    const { done, found } = planHeadline(plan)
    assert.strictEqual(found, "Loud and compressed: \u22128.2 LUFS, crest 8.5 dB")
    assert.includes(done, "dynamics expanded by 0.45")
  })

  it("has a title and a scale for each of the 25 dimensions, once", () => {
    const names = dimensionGroups.flatMap(({ dimensions }) => dimensions.map(({ name }) => name))
    assert.deepStrictEqual([...names].sort(), [...dimensionNames].sort())
  })
})

describe("Settings and addresses", () => {
  it("take what is valid and leave the rest as at first", () => {
    const stored = {
      volume: 2,
      isMatched: false,
      enhancement: { preset: "warm", intensity: 0.5, bypass: ["stereo", "x"] }
    }
    assert.deepStrictEqual(parseSettings(JSON.stringify(stored)), {
      volume: 1,
      isMatched: false,
      enhancement: { preset: "warm", intensity: 0.5, bypass: ["stereo"] }
    })
    assert.strictEqual(parseSettings("no json").enhancement.preset, "adaptive")
    assert.deepStrictEqual(routeOf("#/album/a%2Fb"), { pane: "library", library: { view: "album", id: "a/b" } })
    assert.deepStrictEqual(routeOf("#/nothing").library, { view: "albums" })
  })
})
