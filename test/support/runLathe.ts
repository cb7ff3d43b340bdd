/** The command line as a process of its own. */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { built } from "./built.ts"

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const runWith = (variables: Readonly<Record<string, string>>, words: ReadonlyArray<string>) =>
  Effect.async<Outcome>((resume) => {
    const child = spawn(process.execPath, words, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...variables }
    })
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()))
    child.once("close", (code) => resume(Effect.succeed({ code, stdout, stderr })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** What Node runs, to its end; killed where nobody waits for that any more. */
export const runNode = (...words: ReadonlyArray<string>) => runWith({}, words)

/** `lathe WORDS`, with variables in its environment. */
export const latheWith = (variables: Readonly<Record<string, string>>, ...words: ReadonlyArray<string>) =>
  runWith(variables, [built("cli"), ...words])

/** `lathe WORDS` */
export const lathe = (...words: ReadonlyArray<string>) => runNode(built("cli"), ...words)
