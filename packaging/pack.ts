/**
 * `npm run pack`: gen/lathe-<version>.tgz, what is needed to run and no more. Its package.json is its own: `overrides` and
 * what npm is told of install scripts count for a root project alone, and what is bundled is no dependency.
 */
import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire, isBuiltin } from "node:module"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Metafile } from "esbuild"
import { buildService } from "../esbuild.config.ts"
import { licencesOf } from "./licences.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const staging = "gen/package"

/** Asked for within a `try`, and done without: faster ways of what is there anyway. */
export const optionalModules: ReadonlyArray<string> = ["msgpackr-extract", "bufferutil", "utf-8-validate"]

/** As they are in the checkout once it is built. */
const copied = ["bin", "gen/web", "gen/kernels.wasm", "gen/demo", "packaging/lathe.service", "CHANGELOG.md", "LICENSE"]

const readJson = (path: string) => JSON.parse(readFileSync(join(root, path), "utf8"))

interface Locked {
  readonly version: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** What the bundles leave outside: the database, and FFmpeg for each platform, of which npm installs the machine's own. */
const dependencies = () => {
  const locked: Readonly<Record<string, Locked>> = readJson("package-lock.json").packages
  const versionOf = (name: string) => locked[`node_modules/${name}`]!.version
  const platforms = Object.keys(locked["node_modules/node-av"]!.optionalDependencies!).filter((name) =>
    name.startsWith("@seydx/node-av-")
  )
  return {
    dependencies: { "better-sqlite3": versionOf("better-sqlite3") },
    optionalDependencies: Object.fromEntries(platforms.map((name) => [name, versionOf(name)]))
  }
}

const manifest = () => {
  const { bin, description, engines, license, name, type, version } = readJson("package.json")
  return { name, version, private: true, description, license, bin, type, engines, ...dependencies() }
}

/** Each module that a bundle imports and does not hold has to be one that npm installs with it. */
const checkImports = ({ outputs }: Metafile, installed: ReadonlyArray<string>) => {
  const external = Object.values(outputs).flatMap(({ imports }) =>
    imports.filter(({ external: isExternal }) => isExternal).map(({ path }) => path)
  )
  const missing = external.filter((path) => !isBuiltin(path) && ![...installed, ...optionalModules].includes(path))
  if (missing.length > 0) throw new Error(`The bundles ask for ${missing.join(", ")}, which the package does not name.`)
}

/** @returns Absolute path of the tarball. */
export const pack = async (): Promise<string> => {
  const { build } = createRequire(import.meta.url)("../tools/build.cjs") as { readonly build: () => Promise<void> }
  await build()
  const own = manifest()
  rmSync(join(root, staging), { recursive: true, force: true })
  mkdirSync(join(root, staging, "gen"), { recursive: true })
  const metafile = await buildService(`${staging}/gen/service`)
  checkImports(metafile, Object.keys(own.dependencies))
  // A service of the checkout has put what it has measured beside the demo pieces.
  const filter = (path: string) => !path.endsWith(".25d")
  for (const path of copied.filter((path) => existsSync(join(root, path))))
    cpSync(join(root, path), join(root, staging, path), { recursive: true, filter })
  cpSync(join(root, "packaging/README.md"), join(root, staging, "README.md"))
  writeFileSync(join(root, staging, "THIRD-PARTY-LICENSES"), licencesOf(root, metafile))
  writeFileSync(join(root, staging, "package.json"), `${JSON.stringify(own, null, 2)}\n`)
  // As npm runs scripts, `node` is that of this machine; npm's own is asked for by name.
  execFileSync("npm", ["pack", "--silent", "--pack-destination", join(root, "gen")], { cwd: join(root, staging) })
  return join(root, "gen", `${own.name}-${own.version}.tgz`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await pack())
