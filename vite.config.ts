/** The web player: `web/` bundled into `gen/web`, which the service serves. */
import { defineConfig } from "vite"

export default defineConfig({
  root: "web",
  base: "./",
  // Everything is a file of its own: the page's Content-Security-Policy knows no inlined scripts.
  build: {
    outDir: "../gen/web",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false }
  },
  worker: { format: "es" }
})
