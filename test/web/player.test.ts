/** The player in Chromium, against the real service: what it plays is compared sample by sample. */
import { describe } from "@effect/vitest"
import axe from "axe-core"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import type { Inspection } from "../../web/inspection.ts"
import { assert } from "../support/assert.ts"
import { temporaryFolder, writeAudioFile } from "../support/audioFiles.ts"
import { launchBrowser, noBrowser, openPage, type Page } from "../support/browser.ts"
import { startCuttableProxy } from "../support/cuttableProxy.ts"
import { answerFrom, type FakeLibrary, makeTracks } from "../support/fakeLibraryApi.ts"
import { trackWith } from "../support/loudTrack.ts"
import { layer } from "../support/sharedLayer.ts"
import { startService } from "../support/service.ts"
import { connect, type StreamClient } from "../support/StreamClient.ts"

const sampleRate = 44_100
/** A machine that does other things beside decodes and renders slowly. */
const patience = 90_000

/** Seconds. */
const lengths = { first: 2.3, second: 2, long: 6 }
const ids = { first: 1, second: 2, long: 3 }

const setup = Effect.gen(function* () {
  const root = yield* temporaryFolder
  const folder = join(root, "music")
  mkdirSync(folder)
  const write = (name: string, lufs: number, crestDb: number, seconds: number) =>
    writeAudioFile(folder, name, "flac24", trackWith({ sampleRate, seconds, lufs, crestDb }), { sampleRate })
  write("a first", -8.2, 8.5, lengths.first)
  write("b second", -20, 14, lengths.second)
  write("c long", -11, 12, lengths.long)
  const service = yield* startService(join(root, "data"), [folder])
  const measured = Effect.all(
    Object.values(ids).map((id) => fingerprinted(service.url, id)),
    { concurrency: "unbounded", discard: true }
  )
  const [browser] = yield* Effect.all([launchBrowser, measured], { concurrency: "unbounded" })
  return { service, browser, folder, data: join(root, "data") }
})

class Setup extends Context.Tag("Setup")<Setup, Effect.Effect.Success<typeof setup>>() {}

const hasStatus = (client: StreamClient, ...statuses: ReadonlyArray<string>) =>
  client.ofType("fingerprint_progress").some(({ data }) => statuses.includes(data.status))

/** Asks again where the fingerprint server was not up in time. */
const fingerprinted = (url: string, track_id: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const client = yield* connect(url, () => false)
      client.send("play_enhanced", { track_id, credits: 1 })
      yield* client.until(() => hasStatus(client, "complete", "cached", "unavailable"))
      return hasStatus(client, "complete", "cached")
    })
  ).pipe(Effect.repeat({ until: (isFound) => isFound }))

/** What the service sends of a whole track: planar. */
const streamed = (url: string, type: "play_enhanced" | "play_normal", track_id: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const client = yield* connect(url)
      client.send(type, { track_id })
      yield* client.until(() => client.ofType("audio_stream_end").length > 0)
      const interleaved = client.packets.flatMap(({ samples }) => Array.from(samples))
      return [0, 1].map((channel) => interleaved.filter((_, n) => n % 2 === channel))
    })
  )

declare const window: { readonly __lathe: Inspection }

type Heard = Parameters<Inspection["channel"]>[0]

/**
 * One channel of what was played since the last jump. NaN where the source had not come: on a machine that is too busy,
 * the one that is not heard may be late.
 */
const played = (page: Page, what: Heard, channel: number): Effect.Effect<ReadonlyArray<number>> =>
  Effect.promise(() =>
    page.evaluate(
      ([what, channel]) =>
        // As text: the driver would wrap every single number.
        JSON.stringify(
          window.__lathe.blocks.flatMap((block) => {
            const samples = Array.from(block[what][channel]!)
            return what === "heard" || block.held[what] === samples.length ? samples : samples.map(() => null)
          })
        ),
      [what, channel] as const
    )
  ).pipe(Effect.map((text) => (JSON.parse(text) as ReadonlyArray<number | null>).map((sample) => sample ?? Number.NaN)))

const untilPlayed = (page: Page, seconds: number) =>
  Effect.promise(() =>
    page.waitForFunction(
      (samples) => {
        const last = window.__lathe.blocks.at(-1)
        return last !== undefined && last.position >= samples
      },
      Math.round(seconds * sampleRate),
      { polling: 50 }
    )
  )

const share = (samples: ReadonlyArray<number>) => samples.filter((x) => !Number.isNaN(x)).length / samples.length

const firstDifference = (actual: ReadonlyArray<number>, expected: ReadonlyArray<number>): string | undefined => {
  const n = actual.findIndex((x, n) => !Number.isNaN(x) && x !== expected[n])
  return n < 0 ? undefined : `sample ${n} of ${actual.length}: ${actual[n]} instead of ${expected[n]}`
}

const openPlayer = (page: Page, url: string, hash = "#/tracks") =>
  Effect.promise(async () => {
    await page.goto(`${url}/?inspect${hash}`)
    await page.waitForFunction(() => window.__lathe.player.state.isOnline)
  })

const playTrack = (page: Page, title: string) =>
  Effect.promise(() => page.getByRole("button", { name: title }).first().click())

const seriousFaults = (page: Page) =>
  Effect.promise(async () => {
    if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe.source)
    const { violations } = await page.evaluate(() =>
      (globalThis as unknown as { axe: typeof axe }).axe.run(document, {
        resultTypes: ["violations"],
        runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
      })
    )
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`)
  })

describe.skipIf(noBrowser !== undefined)(
  `The player${noBrowser === undefined ? "" : ` (skipped: ${noBrowser})`}`,
  () => {
    layer(Layer.scoped(Setup, setup), { timeoutMs: 180_000 })("in Chromium", (it) => {
      it.scoped(
        "is served with a strict policy, right types, and nothing beside it",
        () =>
          Effect.gen(function* () {
            const { service } = yield* Setup
            const get = (path: string) => Effect.promise(() => fetch(service.url + path))
            const page = yield* get("/")
            const policy = page.headers.get("content-security-policy")!
            assert.includes(policy, "default-src 'none'")
            assert.excludes(policy, "unsafe")
            assert.includes(page.headers.get("content-type"), "text/html")
            const html = yield* Effect.promise(() => page.text())
            const assets = [...html.matchAll(/(?:src|href)="\.(\/assets\/[^"]+)"/g)].map(([, path]) => path!)
            assert.isAtLeast(assets.length, 2)
            for (const path of assets) {
              const asset = yield* get(path)
              assert.strictEqual(asset.status, 200)
              const type = path.endsWith(".js") ? "/javascript" : path.endsWith(".css") ? "text/css" : "image/svg+xml"
              assert.includes(asset.headers.get("content-type"), type)
            }
            for (const path of [
              "/assets/..%2findex.html",
              "/assets/%2e%2e/%2e%2e/kernels.wasm",
              "/..%2fkernels.wasm",
              "/assets/"
            ]) {
              assert.strictEqual((yield* get(path)).status, 404, path)
            }
          }),
        patience
      )

      it.scoped(
        "plays what the service rendered, to the sample, and the next track right after it; E switches in place",
        () =>
          Effect.gen(function* () {
            const { browser, service } = yield* Setup
            const { faults, page } = yield* openPage(browser)
            const [enhanced, original, next] = yield* Effect.all(
              [
                streamed(service.url, "play_enhanced", ids.first),
                streamed(service.url, "play_normal", ids.first),
                streamed(service.url, "play_enhanced", ids.second)
              ],
              { concurrency: "unbounded" }
            )
            yield* openPlayer(page, service.url)
            yield* playTrack(page, "a first")
            yield* untilPlayed(page, 0.8)
            const matched = yield* Effect.promise(() => page.evaluate(() => window.__lathe.player.state.matchGains))
            yield* Effect.promise(() => page.keyboard.press("e"))
            yield* untilPlayed(page, lengths.first + 0.5)

            yield* Effect.promise(() => page.keyboard.press(" "))
            const heard = [yield* played(page, "heard", 0), yield* played(page, "heard", 1)]
            const tail = heard[0]!.length - enhanced[0]!.length
            assert.isAbove(tail, 0)
            for (const channel of [0, 1]) {
              const gapless = [...enhanced[channel]!, ...next[channel]!]
              const first = (yield* played(page, "enhanced", channel)).slice(0, gapless.length)
              assert.isUndefined(firstDifference(first, gapless))
              const other = (yield* played(page, "original", channel)).slice(0, original[channel]!.length)
              assert.isUndefined(firstDifference(other, original[channel]!))
              assert.isAbove(Math.min(share(first), share(other)), 0.5)
            }

            // The same sample of the other source follows, turned down to be equally loud.
            const before = heard[0]!.findIndex((x, n) => x !== enhanced[0]![n])
            assert.isAtLeast(before, Math.round(0.8 * sampleRate))
            const after = before + Math.ceil(0.012 * sampleRate)
            const end = Math.min(enhanced[0]!.length, after + 20_000)
            assert.isBelow(matched.original, -0.5)
            const gain = 10 ** (matched.original / 20)
            for (let n = after; n < end; n++) assert.closeTo(heard[0]![n]!, gain * original[0]![n]!, 1e-6)
            assert.isEmpty(faults)
          }),
        patience
      )

      it.scoped(
        "seeks to the sample that was clicked in the waveform",
        () =>
          Effect.gen(function* () {
            const { browser, service } = yield* Setup
            const { page } = yield* openPage(browser)
            const original = yield* streamed(service.url, "play_normal", ids.long)
            yield* openPlayer(page, service.url)
            yield* playTrack(page, "c long")
            yield* untilPlayed(page, 0.2)
            const box = (yield* Effect.promise(() => page.getByRole("slider", { name: "Position" }).boundingBox()))!
            const x = Math.round(box.x + 0.6 * box.width)
            yield* Effect.promise(() => page.mouse.click(x, box.y + 10))
            const offset = Math.round(((x - box.x) / box.width) * lengths.long * sampleRate)
            yield* Effect.promise(() =>
              page.waitForFunction(
                () => window.__lathe.player.state.status === "playing" && window.__lathe.player.state.position > 3.5
              )
            )
            yield* untilPlayed(page, 0.2)
            const heard = yield* played(page, "original", 1)
            assert.isUndefined(firstDifference(heard, original[1]!.slice(offset)))
            const seconds = yield* Effect.promise(() => page.evaluate(() => window.__lathe.player.state.position))
            assert.isAbove(seconds, 3.6)
          }),
        patience
      )

      it.scoped(
        "plays on, to the sample, when its connections are cut",
        () =>
          Effect.gen(function* () {
            const { browser, service } = yield* Setup
            const proxy = yield* startCuttableProxy(service.url)
            const { page } = yield* openPage(browser)
            const enhanced = yield* streamed(service.url, "play_enhanced", ids.long)
            yield* openPlayer(page, proxy.url)
            yield* playTrack(page, "c long")
            yield* untilPlayed(page, 0.7)
            assert.isAtLeast(proxy.cut(), 2)
            yield* untilPlayed(page, 3.7)
            const heard = yield* played(page, "enhanced", 0)
            // Rendered anew from the cut on: by the renderer's promise within -90 dBFS of the render of the whole.
            const loudest = heard.reduce((most, x, n) => Math.max(most, Math.abs(x - enhanced[0]![n]!)), 0)
            assert.isBelow(loudest, 10 ** (-90 / 20))
            assert.isUndefined(firstDifference(heard.slice(0, 0.7 * sampleRate), enhanced[0]!))
          }),
        patience
      )

      it.scoped(
        "goes on at the very sample when the service was killed, and says meanwhile that it is away",
        () =>
          Effect.gen(function* () {
            const { browser, data, folder } = yield* Setup
            const ownData = `${data}-killed`
            const life = yield* Scope.make()
            const first = yield* Scope.extend(startService(ownData, [folder]), life)
            yield* fingerprinted(first.url, ids.long)
            const enhanced = yield* streamed(first.url, "play_enhanced", ids.long)
            const { page } = yield* openPage(browser)
            yield* openPlayer(page, first.url)
            yield* playTrack(page, "c long")
            yield* untilPlayed(page, 0.7)
            yield* Effect.sync(() => process.kill(first.pid, "SIGKILL"))
            yield* Scope.close(life, Exit.void)
            yield* Effect.promise(() => page.waitForFunction(() => !window.__lathe.player.state.isOnline))
            yield* Effect.promise(() => page.getByText("No connection to the service; trying again.").waitFor())
            yield* startService(ownData, [folder], ["--port", new URL(first.url).port])
            yield* untilPlayed(page, lengths.long - 0.5)
            const heard = yield* played(page, "enhanced", 0)
            const loudest = heard.reduce((most, x, n) => Math.max(most, Math.abs(x - enhanced[0]![n]!)), 0)
            assert.isBelow(loudest, 10 ** (-90 / 20))
            assert.isUndefined(yield* Effect.promise(() => page.evaluate(() => window.__lathe.player.state.notice)))
          }),
        patience
      )

      it.scoped(
        "takes other settings while it plays, without a break",
        () =>
          Effect.gen(function* () {
            const { browser, service } = yield* Setup
            const { page } = yield* openPage(browser)
            yield* openPlayer(page, service.url)
            yield* playTrack(page, "c long")
            yield* untilPlayed(page, 0.3)
            yield* Effect.promise(() => page.getByRole("radio", { name: "Warm" }).check())
            yield* Effect.promise(() => page.waitForFunction(() => window.__lathe.player.state.plan?.preset === "warm"))
            yield* Effect.promise(async () => {
              await page.getByRole("switch", { name: "Stereo" }).uncheck()
              await page.waitForFunction(() => window.__lathe.player.state.plan?.bypassed.join() === "width")
              await page.getByRole("switch", { name: "Stereo" }).check()
              await page.waitForFunction(() => window.__lathe.player.state.plan?.bypassed.length === 0)
            })
            const decided = yield* Effect.promise(() => page.evaluate(() => window.__lathe.blocks.at(-1)!.position))
            // What was sent before is heard first: at most 2 s.
            yield* untilPlayed(page, decided / sampleRate + 2.3)
            const heard = yield* played(page, "enhanced", 0)
            const positions = yield* Effect.promise(() =>
              page.evaluate(() =>
                window.__lathe.blocks.map(({ heard, position }) => [position, heard[0]!.length] as const)
              )
            )
            for (const [n, [position]] of positions.entries()) {
              if (n > 0) assert.strictEqual(position, positions[n - 1]![0] + positions[n - 1]![1])
            }
            assert.isUndefined(yield* Effect.promise(() => page.evaluate(() => window.__lathe.player.state.notice)))
            const before = (yield* streamed(service.url, "play_enhanced", ids.long))[0]!
            assert.isUndefined(firstDifference(heard.slice(0, 0.3 * sampleRate), before))
            const settled = decided + 2.1 * sampleRate
            assert.isDefined(firstDifference(heard.slice(settled), before.slice(settled)))
          }),
        patience
      )

      it.scoped(
        "scrolls ten thousand tracks, of which it holds a few",
        () =>
          Effect.gen(function* () {
            const { browser, service } = yield* Setup
            const { page } = yield* openPage(browser)
            yield* Effect.promise(async () => {
              await answerFrom(page, { tracks: makeTracks(10_000) })
              await page.goto(`${service.url}/#/tracks`)
              const rows = page.getByRole("list", { name: "Tracks" }).getByRole("listitem")
              await rows.first().waitFor()
              await page.locator(".scroller").evaluate((scroller) => scroller.scrollTo(0, scroller.scrollHeight / 2))
              await page.locator('[aria-posinset="5000"] .title').waitFor()
              await rows.first().locator(".play").focus()
              await page.keyboard.press("End")
              await page.waitForFunction(() => document.activeElement?.textContent?.includes(" 10000") === true)
              assert.isBelow(await rows.count(), 60)
              assert.strictEqual(await rows.last().getAttribute("aria-setsize"), "10000")
              await page.keyboard.press("ArrowUp")
              await page.waitForFunction(() => document.activeElement?.textContent?.includes(" 9999") === true)
              await page.keyboard.press("/")
              await page.keyboard.type("Copper Static")
              await page.getByText(/for “Copper Static”/).waitFor()
            })
          }),
        patience
      )

      it.scoped(
        "says that music is being read until a scan has ended, shows what comes, and says what to do where nothing came",
        () =>
          Effect.gen(function* () {
            const { browser, service } = yield* Setup
            const { faults, page } = yield* openPage(browser)
            const library: { -readonly [K in keyof FakeLibrary]: FakeLibrary[K] } = { tracks: [] }
            yield* Effect.promise(async () => {
              // A service that has just started: its first scan has not begun.
              library.scan = { finished_at: null }
              await answerFrom(page, library)
              await page.goto(`${service.url}/#/albums`)
              await page.getByText("Your music is being read.", { exact: true }).waitFor()
              await page.getByText("Being read \u2026").waitFor()
              library.scan = { running: true, files_found: 12, files_read: 3, finished_at: null }
              await page.getByText("Your music is being read: 3 of 12 files so far.").waitFor()
            })
            assert.deepStrictEqual(yield* seriousFaults(page), [])
            yield* Effect.promise(async () => {
              await page.unrouteAll()
              await answerFrom(page, { tracks: makeTracks(12), scan: { added: 12 } })
              await page.getByRole("link", { name: /Slow Harbour/ }).waitFor()
              await page.getByText("1 album", { exact: true }).waitFor()
              await page.unrouteAll()
              await answerFrom(page, { tracks: [] })
              await page.reload()
              await page.getByText("There is no music in the folders that lathe was started with.").waitFor()
              await page.getByText("lathe serve ~/Music").waitFor()
              await page.getByText("0 albums", { exact: true }).waitFor()
            })
            assert.deepStrictEqual(yield* seriousFaults(page), [])
            assert.isEmpty(faults)
          }),
        patience
      )

      it.scoped(
        "says how many files cannot be read, and on request which, and why",
        () =>
          Effect.gen(function* () {
            const { browser, service } = yield* Setup
            const { page } = yield* openPage(browser)
            const unreadable = ["Album/empty.ogg", "<b>.mp3"].map((path) => {
              const file = path.split("/").at(-1)!
              return { file, path, message: `${file} cannot be read.` }
            })
            yield* Effect.promise(async () => {
              await answerFrom(page, { tracks: makeTracks(3), unreadable })
              await page.goto(`${service.url}/#/tracks`)
              await page.getByText("2 files unreadable").click()
              await page.getByText("empty.ogg cannot be read. (in Album)").waitFor()
              await page.getByText("<b>.mp3 cannot be read.").waitFor()
            })
          }),
        patience
      )

      it.scoped(
        "says what is wrong when the library cannot be read, and recovers",
        () =>
          Effect.gen(function* () {
            const { browser, service } = yield* Setup
            const { page } = yield* openPage(browser)
            yield* Effect.promise(async () => {
              await answerFrom(page, { tracks: [], fault: { status: 500, message: "The database is busy." } })
              await page.goto(`${service.url}/#/albums`)
              await page.getByText("The database is busy.").waitFor()
              await page.unrouteAll()
              await answerFrom(page, { tracks: makeTracks(30) })
              await page.getByRole("button", { name: "Try again" }).click()
              await page.getByRole("link", { name: /Slow Harbour/ }).click()
              await page.getByRole("heading", { name: "Slow Harbour" }).waitFor()
            })
          }),
        patience
      )

      for (const [colorScheme, width] of [
        ["light", 1280],
        ["dark", 360]
      ] as const) {
        it.scoped(
          `has no serious fault by axe, ${colorScheme}, ${width} pixels wide`,
          () =>
            Effect.gen(function* () {
              const { browser, service } = yield* Setup
              const { faults, page } = yield* openPage(browser, { colorScheme, viewport: { width, height: 740 } })
              const tracks = makeTracks(60).map((track) =>
                track.id === ids.long ? { ...track, title: "c long" } : track
              )
              yield* Effect.promise(() => answerFrom(page, { tracks }))
              yield* openPlayer(page, service.url, "#/albums")
              yield* Effect.promise(() => page.locator(".card a").first().waitFor())
              assert.deepStrictEqual(yield* seriousFaults(page), [])
              const go = (hash: string) =>
                Effect.promise(() => page.evaluate((hash) => void (location.hash = hash), hash))
              yield* go("#/tracks")
              yield* playTrack(page, "c long")
              yield* untilPlayed(page, 0.2)
              assert.deepStrictEqual(yield* seriousFaults(page), [])
              for (const hash of ["#/sound", "#/queue"]) {
                yield* go(hash)
                assert.deepStrictEqual(yield* seriousFaults(page), [], hash)
              }
              const width_ = yield* Effect.promise(() => page.evaluate(() => document.documentElement.scrollWidth))
              assert.isAtMost(width_, width)
              yield* Effect.promise(() => page.keyboard.press("?"))
              assert.deepStrictEqual(yield* seriousFaults(page), [])
              assert.isEmpty(faults)
            }),
          patience
        )
      }
    })
  }
)
