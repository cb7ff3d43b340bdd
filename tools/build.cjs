"use strict"
// Builds what is missing or was made from other sources: `node tools/build.cjs [STEP...]`, a part of what needs it. No
// install script does, since `npm ci` runs none (.npmrc). JavaScript, so that `lathe` asks it without loading more than this.
require("../bin/needsNode.cjs")()

const { spawn } = require("node:child_process")
const { createHash } = require("node:crypto")
const { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } = require("node:fs")
const { delimiter, dirname, join } = require("node:path")

const root = join(__dirname, "..")
const { scripts } = require("../package.json")

/** A step runs package.json's `build:<name>` when one of its inputs has other content, or its output is not there. */
const steps = [
  { name: "proto", inputs: ["proto", "buf.yaml", "buf.gen.yaml"], output: "gen/lathe", after: [] },
  { name: "wasm", inputs: ["src/dsp/assembly"], output: "gen/kernels.wasm", after: [] },
  {
    name: "web",
    inputs: ["web", "vite.config.ts", "src/contract", "src/domain", "src/dsp"],
    output: "gen/web/index.html",
    after: []
  },
  { name: "service", inputs: ["src", "proto", "esbuild.config.ts"], output: "gen/service/cli.js", after: ["proto"] },
  // Renders anew only where what makes its samples has changed.
  { name: "demo", inputs: ["demo", "src/domain", "src/dsp", "src/layers/audio"], output: "gen/demo", after: [] }
]

/** Of every step: the versions of the tools. */
const commonInputs = ["package-lock.json"]

const filesBelow = (path) =>
  statSync(join(root, path)).isFile()
    ? [path]
    : readdirSync(join(root, path), { withFileTypes: true })
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .flatMap(({ name }) => filesBelow(`${path}/${name}`))

/** Of content and names, whatever the files' times: a fresh clone, or a branch changed to and fro, is not built anew. */
const makeDigest = () => {
  const files = new Map()
  const digestOf = (path) => {
    const known =
      files.get(path) ??
      createHash("sha256")
        .update(readFileSync(join(root, path)))
        .digest("hex")
    files.set(path, known)
    return known
  }
  return ({ inputs, name }) => {
    const hash = createHash("sha256").update(scripts[`build:${name}`])
    for (const path of [...inputs, ...commonInputs].flatMap(filesBelow)) hash.update(`\n${path} ${digestOf(path)}`)
    return hash.digest("hex")
  }
}

/** What the output of a step was made from. */
const stampFile = ({ name }) => join(root, "gen/built", name)

const isFresh = (step, digest) =>
  existsSync(join(root, step.output)) && existsSync(stampFile(step)) && readFileSync(stampFile(step), "utf8") === digest

/** As npm runs a script: with the commands of node_modules first, by the Node that runs this. */
const path = [join(root, "node_modules/.bin"), dirname(process.execPath), process.env.PATH].join(delimiter)

/** All that it prints goes to stderr: stdout is of the command that builds on its way. */
const runScript = (name) =>
  new Promise((resolve, reject) => {
    const child = spawn(scripts[`build:${name}`], {
      cwd: root,
      env: { ...process.env, PATH: path },
      shell: true,
      stdio: ["ignore", 2, 2]
    })
    child.once("error", reject)
    child.once("exit", (code) =>
      code === 0
        ? resolve()
        : reject(new Error(`lathe could not be built: "npm run build:${name}" failed. Is "npm ci" done?`))
    )
  })

/** Resolves when all of the steps, by default every one, have been made from the sources as they are. */
const build = async (names = steps.map(({ name }) => name)) => {
  const digestOf = makeDigest()
  const due = new Map()
  for (const step of steps.filter(({ name }) => names.includes(name))) {
    const digest = digestOf(step)
    if (!isFresh(step, digest)) due.set(step.name, { step, digest })
  }
  if (due.size === 0) return
  const begun = performance.now()
  process.stderr.write(`Building lathe (${[...due.keys()].join(", ")}), since something has changed or is missing.\n`)
  mkdirSync(join(root, "gen/built"), { recursive: true })
  const runs = new Map()
  for (const [name, { digest, step }] of due) {
    const run = async () => {
      await Promise.all(step.after.map((earlier) => runs.get(earlier)))
      await runScript(name)
      writeFileSync(stampFile(step), digest)
    }
    runs.set(name, run())
  }
  await Promise.all(runs.values())
  process.stderr.write(`Built in ${((performance.now() - begun) / 1000).toFixed(1)} s.\n`)
}

module.exports = { build }

if (require.main === module)
  build(process.argv.length > 2 ? process.argv.slice(2) : undefined).catch((error) => {
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  })
