/** Chromium for tests of the player: a Debian package, driven by playwright-core. */
import { Effect } from "effect"
import { existsSync } from "node:fs"
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core"

/** The headless shell is the same engine without the windows around it: half the processes and half the time. */
const executablePath = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"].find((path) => existsSync(path))

/** Why browser tests skip; undefined where they run. */
export const noBrowser = executablePath === undefined ? "no /usr/bin/chromium here" : undefined

export const launchBrowser = Effect.acquireRelease(
  Effect.promise(() =>
    chromium.launch({
      executablePath: executablePath!,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--autoplay-policy=no-user-gesture-required"
      ]
    })
  ),
  (browser) => Effect.promise(() => browser.close())
)

/** A page of a fresh profile. `faults`: what it has complained of, violations of its Content-Security-Policy included. */
export const openPage = (browser: Browser, options: BrowserContextOptions = {}) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
      const page = await context.newPage()
      page.setDefaultTimeout(45_000)
      const faults: Array<string> = []
      page.on("pageerror", (error) => faults.push(String(error)))
      page.on("console", (message) => {
        if (message.type() === "error" && !/Failed to load resource|WebSocket/.test(message.text())) {
          faults.push(message.text())
        }
      })
      return { page, faults, context }
    }),
    ({ context }) => Effect.promise(() => context.close())
  )

export type { Page }
