/** The generations that run: one for all who wait for the same content of a file. */
import { Duration, Effect, Exit, Fiber, Option, RcMap, Stream, SubscriptionRef } from "effect"
import type { TrackFile } from "../../domain/library/Track.ts"
import { Actors } from "../../services/Actors.ts"
import type { GenerationEvent } from "../../services/FingerprintGenerator.ts"
import { FileContent } from "./FileContent.ts"
import { eventsOf, isLast } from "./generationEvents.ts"

/** A generation that nobody waits for goes on for so long: a seek lets go of it and takes it up again. */
const linger = Duration.seconds(5)

/**
 * One that has run for so long is not given up any more, whoever leaves: it is of a long file, and would have to be begun
 * anew. Sooner than who asks for one answer loses patience.
 */
const heldAfter = Duration.seconds(55)

/** The latest event of a running generation; none until there is something to tell. */
type Latest = SubscriptionRef.SubscriptionRef<Option.Option<GenerationEvent>>

type Generate = (
  file: TrackFile,
  publish: (event: GenerationEvent) => Effect.Effect<void>
) => Effect.Effect<GenerationEvent>

/** One that nobody waits for is interrupted when it has lingered, unless it has run for long. */
export const makeRunningGenerations = (generate: Generate) =>
  Effect.gen(function* () {
    const actors = yield* Actors
    const scope = yield* Effect.scope
    const running: RcMap.RcMap<FileContent, Latest> = yield* RcMap.make({
      idleTimeToLive: linger,
      lookup: (content: FileContent) =>
        Effect.gen(function* () {
          const { file } = content
          const latest: Latest = yield* SubscriptionRef.make(Option.none<GenerationEvent>())
          const fiber = yield* generateInto(latest, generate, file).pipe(
            // Whoever comes after its end begins anew: what was found is in the caches by then.
            Effect.ensuring(Effect.whenEffect(RcMap.invalidate(running, content), isRunning(content))),
            Effect.interruptible,
            Effect.forkScoped
          )
          const held = RcMap.get(running, content).pipe(
            Effect.zipRight(Fiber.await(fiber)),
            Effect.scoped,
            Effect.whenEffect(isRunning(content)),
            Effect.delay(heldAfter)
          )
          yield* Effect.forkIn(held, scope)
          yield* actors.adopt("generation", `fingerprint of track ${file.track.id}`, fiber)
          return latest
        })
    })
    /** One that was given up may end when the next one of its file runs: an equal key, and not the same. */
    const isRunning = (content: FileContent) =>
      Effect.map(RcMap.keys(running), (contents) => contents.some((one) => one === content))
    return {
      /** Up to the last one. */
      events: (file: TrackFile) =>
        Stream.unwrapScoped(Effect.map(RcMap.get(running, new FileContent(file)), (latest) => latest.changes)).pipe(
          Stream.filterMap((event) => event),
          Stream.takeUntil(isLast)
        ),
      tracks: Effect.map(RcMap.keys(running), (contents) => new Set(contents.map(({ file }) => file.track.id)))
    }
  })

const generateInto = (latest: Latest, generate: Generate, file: TrackFile) => {
  const publish = (event: GenerationEvent) => SubscriptionRef.set(latest, Option.some(event))
  return Effect.onExit(generate(file, publish), (exit) =>
    publish(Exit.isSuccess(exit) ? exit.value : eventsOf(file).none("unavailable", "The analysis was given up."))
  )
}
