#!/usr/bin/env node
"use strict"
// The command `lathe`. In a checkout it builds first what is missing or older than its sources; a package is built.
require("./needsNode.cjs")()

const { existsSync } = require("node:fs")
const { join } = require("node:path")
const { pathToFileURL } = require("node:url")

const root = join(__dirname, "..")
const builder = join(root, "tools/build.cjs")

const start = () => import(pathToFileURL(join(root, "gen/service/cli.js")).href)

const giveUp = (error) => {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}

/** Only what serves music plays the demo, which takes longer than all else. */
const steps = ["proto", "wasm", "web", "service", ...(process.argv.includes("serve") ? ["demo"] : [])]

if (existsSync(builder)) require(builder).build(steps).then(start, giveUp)
else start()
