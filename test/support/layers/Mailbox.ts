/** Where an actor takes its messages from: bounded, first come, first served, and outliving the lives of the actor. */
import { Effect, Metric, Queue } from "effect"

export interface MailboxOptions {
  /** Of the metrics: one for all mailboxes of a kind. */
  readonly name: string
  /** Messages that may wait. */
  readonly capacity: number
  /** What a message meets that finds it full: wait makes its sender wait, drop loses it. */
  readonly whenFull: "wait" | "drop"
}

export interface Mailbox<in out Message> {
  /** Whether the message was taken in. */
  readonly offer: (message: Message) => Effect.Effect<boolean>
  /** Waits for a message. */
  readonly take: Effect.Effect<Message>
  readonly length: Effect.Effect<number>
  /** How many were lost. */
  readonly dropped: Effect.Effect<number>
}

const drops = Metric.counter("lathe_supervisor_mailbox_dropped_total", {
  description: "Messages lost because a mailbox was full",
  incremental: true
})

export const make = <Message>({ capacity, name, whenFull }: MailboxOptions): Effect.Effect<Mailbox<Message>> =>
  Effect.gen(function* () {
    const queue = yield* whenFull === "wait" ? Queue.bounded<Message>(capacity) : Queue.dropping<Message>(capacity)
    const counter = Metric.tagged(drops, "mailbox", name)
    let dropped = 0
    const countDrop = Effect.suspend(() => {
      dropped += 1
      return Metric.increment(counter)
    })
    return {
      offer: (message) => Effect.tap(queue.offer(message), (isIn) => (isIn ? Effect.void : countDrop)),
      take: queue.take,
      length: Effect.map(queue.size, (size) => Math.max(0, Math.min(size, capacity))),
      dropped: Effect.sync(() => dropped)
    }
  })
