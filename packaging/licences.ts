/** The licences of what is bundled: each asks to go along with copies of its package. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Metafile } from "esbuild"

/** Compiled into gen/kernels.wasm, which no bundler reports: its library, for memory and mathematics. */
const compiledIn = ["assemblyscript"]

const packageOf = (input: string): string | undefined => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[0]

const licenceFile = /^(licen[cs]e|copying|notice)(\.|-|$)/i

/** Name, version and licence of each package, with the text that it brings. */
export const licencesOf = (root: string, { inputs }: Metafile): string => {
  const folders = new Set([
    ...Object.keys(inputs).flatMap((input) => packageOf(input) ?? []),
    ...compiledIn.map((name) => `node_modules/${name}`)
  ])
  return [...folders]
    .sort()
    .map((folder) => {
      const { license, name, version } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"))
      const texts = readdirSync(join(root, folder))
        .filter((file) => licenceFile.test(file) && existsSync(join(root, folder, file)))
        .map((file) => readFileSync(join(root, folder, file), "utf8").trim())
      return [`${name} ${version} (${license})`, ...texts].join("\n\n")
    })
    .join(`\n\n${"-".repeat(80)}\n\n`)
}
