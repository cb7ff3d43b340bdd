/** What supervisors count, by supervisor. Children are not told apart: there may be any number of them. */
import { Effect, Metric } from "effect"
import { ChildStatus } from "../../domain/supervision/SupervisorSnapshot.ts"

const restarts = Metric.counter("lathe_supervisor_restarts_total", {
  description: "Ends of children that made a supervisor start them again, failed starts included",
  incremental: true
})
const escalations = Metric.counter("lathe_supervisor_escalations_total", {
  description: "Times a supervisor gave up because of too many restarts",
  incremental: true
})
const children = Metric.gauge("lathe_supervisor_children", { description: "Children by state" })

export const make = (supervisor: string) => {
  const states = ChildStatus.literals.map((state) => ({
    state,
    gauge: children.pipe(Metric.tagged("supervisor", supervisor), Metric.tagged("state", state))
  }))
  return {
    countRestart: Metric.increment(Metric.tagged(restarts, "supervisor", supervisor)),
    countEscalation: Metric.increment(Metric.tagged(escalations, "supervisor", supervisor)),
    setChildren: (statuses: ReadonlyArray<ChildStatus>) =>
      Effect.forEach(
        states,
        ({ state, gauge }) => Metric.set(gauge, statuses.filter((status) => status === state).length),
        { discard: true }
      )
  }
}
