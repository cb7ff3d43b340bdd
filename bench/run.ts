/** `npm run bench -- NAME`: runs bench/NAME.ts, which prints its table and writes it to bench/results/NAME.md. */
import { readdirSync } from "node:fs"
import { basename } from "node:path"
import { buildForTests } from "../test/support/built.ts"

const names = readdirSync(new URL(".", import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && entry.name !== "run.ts")
  .map((entry) => basename(entry.name, ".ts"))

const name = process.argv[2]
if (name === undefined || !names.includes(name)) {
  console.error(
    `There is no benchmark ${name === undefined ? "without a name" : `"${name}"`}. There are: ${names.join(", ")}.`
  )
  process.exitCode = 1
} else {
  await buildForTests()
  await import(new URL(`./${name}.ts`, import.meta.url).href)
}
