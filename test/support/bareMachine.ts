/** The environment of a machine that has just been set up: an empty home, and no compiler, no make, no Python in reach. */
import { execFileSync, spawn } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"

/** What npm's scripts need beside Node: a shell. */
const programs = ["sh"]

/** How registries are reached from here; nothing that says how something is built. */
const kept = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]

const which = (program: string): string | undefined =>
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find(existsSync)

/** Absolute path of npm's own entry point, of the npm that this process was started by, or that is in the PATH. */
export const ownNpm = (): string => process.env["npm_execpath"] ?? realpathSync(which("npm")!)

/** What this machine's npm is told, such as "registry". */
const npmConfig = (key: string): string =>
  execFileSync(process.execPath, [ownNpm(), "config", "get", key], { encoding: "utf8" }).trim()

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Serving {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  /** What it has logged so far. */
  readonly log: () => string
  /** By SIGTERM; resolves to its exit status. */
  readonly stop: () => Promise<number | null>
}

export interface BareMachine {
  /** Where `npm install --global` puts things. */
  readonly prefix: string
  readonly run: (command: string, words: ReadonlyArray<string>, cwd?: string) => Promise<Outcome>
  /** Starts a service of lathe; resolves when it tells its address, rejects where it ends before. */
  readonly serve: (command: string, words: ReadonlyArray<string>, cwd?: string) => Promise<Serving>
}

export interface BareMachineOptions {
  /** Absolute path of the `node` that is in its PATH. Default: the one that runs this. */
  readonly node?: string
  /** Absolute path of `npm-cli.js`. Default: this machine's. */
  readonly npm?: string
  /** npm's cache. Default: this machine's, so that nothing is fetched twice. */
  readonly cache?: string
}

/** @param folder Absolute; all that the machine has is made in it. */
export const makeBareMachine = (folder: string, options: BareMachineOptions = {}): BareMachine => {
  const { cache = npmConfig("cache"), node = process.execPath, npm = ownNpm() } = options
  const [bin, home, prefix] = ["bin", "home", "prefix"].map((name) => join(folder, name)) as [string, string, string]
  for (const path of [bin, home, prefix]) mkdirSync(path, { recursive: true })
  symlinkSync(node, join(bin, "node"))
  for (const program of programs) symlinkSync(realpathSync(which(program)!), join(bin, program))
  for (const name of ["npm", "npx"]) {
    writeFileSync(join(bin, name), `#!${which("sh")}\nexec node "${join(dirname(npm), `${name}-cli.js`)}" "$@"\n`)
    chmodSync(join(bin, name), 0o755)
  }
  const env: NodeJS.ProcessEnv = {
    ...Object.fromEntries(kept.map((name) => [name, process.env[name]]).filter(([, value]) => value !== undefined)),
    HOME: home,
    PATH: [join(prefix, "bin"), bin].join(delimiter),
    npm_config_cache: cache,
    npm_config_registry: npmConfig("registry"),
    npm_config_prefix: prefix,
    // Headers that are not there: whatever would compile fails.
    npm_config_nodedir: join(folder, "nowhere"),
    npm_config_update_notifier: "false"
  }
  const start = (command: string, words: ReadonlyArray<string>, cwd = folder) =>
    spawn(command, words, { cwd, env, stdio: ["ignore", "pipe", "pipe"] })
  const run: BareMachine["run"] = (command, words, cwd) =>
    new Promise((resolve, reject) => {
      const child = start(command, words, cwd)
      let stdout = ""
      let stderr = ""
      child.stdout.on("data", (bytes: Buffer) => (stdout += bytes.toString()))
      child.stderr.on("data", (bytes: Buffer) => (stderr += bytes.toString()))
      child.once("error", reject)
      child.once("close", (code) => resolve({ code, stdout, stderr }))
    })
  const serve: BareMachine["serve"] = (command, words, cwd) =>
    new Promise((resolve, reject) => {
      const child = start(command, words, cwd)
      let log = ""
      const ended = new Promise<number | null>((end) => child.once("close", end))
      const stop = () => {
        child.kill("SIGTERM")
        return ended
      }
      child.stderr.on("data", (bytes: Buffer) => {
        log += bytes.toString()
        const url = /lathe serves .* at (http:[^"\s]+)/.exec(log)?.[1]
        if (url !== undefined) resolve({ url, log: () => log, stop })
      })
      child.stdout.resume()
      child.once("error", reject)
      void ended.then((code) => reject(new Error(`It ended with status ${code}: ${log}`)))
    })
  return { prefix, run, serve }
}

/** Why packages cannot be had from here; undefined where they can. */
export const noRegistry = (): string | undefined => {
  const words = [ownNpm(), "view", "better-sqlite3", "version", "--fetch-retries=0", "--fetch-timeout=10000"]
  try {
    execFileSync(process.execPath, words, { stdio: "ignore", timeout: 30_000 })
    return undefined
  } catch {
    return "no registry of packages is in reach"
  }
}
