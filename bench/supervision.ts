/** The decisions of our supervision beside those of Erlang/OTP's supervisor on the same random crash schedules. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type CrashSchedule, makeSchedule, replay, type ScheduleOptions } from "../test/support/crashSchedules.ts"
import { isInstalled, report, runProcess } from "./support/measure.ts"

const escript = fileURLToPath(new URL("./support/crashSchedules.escript", import.meta.url))

interface Series {
  readonly name: string
  readonly mode: "real" | "fake"
  readonly seeds: readonly [number, number]
  readonly options: ScheduleOptions
}

const allSeries: ReadonlyArray<Series> = [
  {
    name: "OTP as installed, no gaps, period of an hour",
    mode: "real",
    seeds: [0, 1000],
    options: { periods: [3600], gaps: [0] }
  },
  {
    name: "OTP's code with a clock of ours, gaps up to 6 s, periods of 1 to 5 s",
    mode: "fake",
    seeds: [1000, 2000],
    options: { periods: [1, 2, 3, 5], gaps: [0, 0, 1, 250, 500, 999, 1000, 1001, 1500, 2000, 3000, 6000] }
  },
  {
    // In whole seconds, 0 s and 1 s apart are within a period of 1 s, and 2.1 s apart never are.
    name: "OTP as installed, real gaps of 0 or 2.1 s, period of 1 s",
    mode: "real",
    seeds: [2000, 2012],
    options: { periods: [1], gaps: [0, 0, 0, 0, 2100] }
  }
]

const toErlang = ({ children, policy, steps }: CrashSchedule): string => {
  const specs = children.map(({ id, restart }) => `{${id}, ${restart}}`)
  const events = steps.map(({ failing, gapMs, id, reason }) => {
    const fails = failing === undefined ? "none" : `{${failing.id}, ${failing.starts}}`
    return `{${gapMs}, ${fails}, ${id}, ${reason}}`
  })
  const strategy = policy.strategy.replaceAll("-", "_")
  return `{${strategy}, ${policy.intensity}, ${policy.periodSeconds}, [${specs.join(", ")}], [${events.join(", ")}]}.\n`
}

const ourLine = (schedule: CrashSchedule): string => {
  const { hasEscalated, trace } = replay(schedule)
  return [...trace, hasEscalated ? "escalated" : "running"].join("/")
}

const compare = async ({ mode, name, options, seeds: [from, to] }: Series, folder: string) => {
  const schedules = Array.from({ length: to - from }, (_, n) => makeSchedule(from + n, options))
  const file = join(folder, `${from}.terms`)
  writeFileSync(file, schedules.map(toErlang).join(""))
  const theirs = (await runProcess("escript", [escript, mode, file])).stdout.trim().split("\n")
  const ours = schedules.map(ourLine)
  const different = ours.flatMap((line, n) => (line === theirs[n] ? [] : [n]))
  for (const n of different.slice(0, 3)) {
    console.error(`Seed ${from + n}: ${toErlang(schedules[n]!)}ours   ${ours[n]}\ntheirs ${theirs[n]}`)
  }
  const count = (sign: string) => ours.join(" ").split(sign).length - 1
  return {
    name,
    schedules: schedules.length,
    steps: schedules.reduce((sum, { steps }) => sum + steps.length, 0),
    starts: count("+"),
    failedStarts: count("?"),
    stops: count("-"),
    escalations: count("escalated"),
    different: different.length + Math.abs(theirs.length - ours.length)
  }
}

if (await isInstalled("escript")) {
  const folder = mkdtempSync(join(tmpdir(), "lathe-bench-"))
  try {
    const version = (
      await runProcess("erl", ["-noshell", "-eval", "io:put_chars(erlang:system_info(otp_release)), halt()."])
    ).stdout
    const rows: Array<string> = []
    let isDifferent = false
    for (const series of allSeries) {
      const result = await compare(series, folder)
      isDifferent ||= result.different > 0
      rows.push(`| ${Object.values(result).join(" | ")} |`)
    }
    report(
      "supervision",
      `Supervision beside Erlang/OTP ${version}`,
      [
        "| series | schedules | steps | starts | failed starts | stops | escalations | schedules that differ |",
        "|---|---|---|---|---|---|---|---|",
        ...rows,
        "",
        "A schedule has one to five children of random restart types, a strategy, an intensity, and up to ten steps: a child",
        "ends, normal, with shutdown or with a crash, and starts may fail. Compared is the whole order of starts, failed starts,",
        "ends and stops of every step, of the escalation, and of the stop at the end. Ours is `src/domain/supervision`; that",
        "the runtime does what it decides is in `test/layers/supervision/crashSchedules.test.ts`.",
        "",
        "The second series runs `supervisor.erl` out of its own beam file, compiled anew with one change: its one look-up of the",
        "time reads a clock that the schedule sets (`bench/support/crashSchedules.escript`)."
      ].join("\n")
    )
    if (isDifferent) process.exitCode = 1
  } finally {
    rmSync(folder, { recursive: true })
  }
} else {
  console.log("Skipped: it compares with Erlang/OTP, and there is no escript here (Debian: erlang-base).")
}
