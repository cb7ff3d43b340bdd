/** Chromium for tests of the player: the Debian package, driven by playwright-core. */
import { Effect } from "effect"
import { existsSync } from "node:fs"
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core"

const executablePath = "/usr/bin/chromium"

/** Why browser tests skip; undefined where they run. */
export const noBrowser = existsSync(executablePath) ? undefined : `no ${executablePath} here`

export const launchBrowser = Effect.acquireRelease(
  Effect.promise(() =>
    chromium.launch({
      executablePath,
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
