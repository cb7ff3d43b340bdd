/** One run of a listener's stream, and what holds it back: credits, a full buffer, a pause. */
import { Effect, type Fiber, Queue, type Scope, Stream } from "effect"
import { maximumCredits } from "../../contract/StreamMessages.ts"
import type { Enhancement } from "../../domain/mastering/Enhancement.ts"
import type { RenderState } from "../../domain/mastering/RenderState.ts"
import { ResumeTokens } from "../../services/ResumeTokens.ts"
import { TrackStreamer } from "../../services/TrackStreamer.ts"
import type { SessionOutlet } from "./SessionOutlet.ts"
import { deliver, type PlayRequest } from "./StreamDelivery.ts"

export interface RunningStream {
  readonly epoch: number
  readonly request: PlayRequest
  /** What the listener wants now; null on a normal stream. */
  enhancement: Enhancement | null
  /** Whether it has begun: its end is told then. */
  hasStarted: boolean
  /** Where its gains are behind the latest packet; null: at rest. */
  state: RenderState | null
  readonly changes: Queue.Enqueue<Enhancement>
  /** Packets granted at its start, and again at the start of each seek. */
  readonly credits: number
  readonly fiber: Fiber.RuntimeFiber<void>
  readonly window: CreditWindow
  /** Closed by the listener's pause. */
  readonly pause: Effect.Latch
  /** Closed by `buffer_full`. */
  readonly buffer: Effect.Latch
}

export interface StreamStart {
  readonly request: PlayRequest
  readonly credits: number
  readonly isSeek: boolean
}

/** It runs until it ends, is interrupted, or the scope closes. `streamId` and `epoch` are what its resume tokens bear. */
export const startStream = (
  outlet: SessionOutlet,
  { credits, isSeek, request }: StreamStart,
  { epoch, streamId }: { readonly epoch: number; readonly streamId: string }
): Effect.Effect<RunningStream, never, TrackStreamer | ResumeTokens | Scope.Scope> =>
  Effect.gen(function* () {
    const streamer = yield* TrackStreamer
    const tokens = yield* ResumeTokens
    const window = makeCreditWindow(credits)
    // Open for each new stream: a pause that outlived its stream would hold the next one for ever.
    const pause = yield* Effect.makeLatch(true)
    const buffer = yield* Effect.makeLatch(true)
    // Of several changes at once, only the last is heard.
    const changes = yield* Queue.sliding<Enhancement>(1)
    // The pause last: what is rendered already does not leave after it either.
    const pace = Effect.all([window.take, outlet.ready, buffer.await, pause.await], { discard: true })
    const enhancementChanges = Stream.fromQueue(changes, { maxChunkSize: 1 })
    const { enhancement, trackId: track_id } = request
    const state = request.from ?? null
    const stream = { epoch, request, enhancement, hasStarted: false, state, changes, credits, window, pause, buffer }
    const issueToken = (sample_rate: number) =>
      tokens.issue({
        line: streamId,
        stream_epoch: epoch,
        track_id,
        enhancement: stream.enhancement,
        asked_sample_rate: request.sampleRate ?? null,
        sample_rate,
        state: stream.state
      })
    const onStarted = () => void (stream.hasStarted = true)
    const onState = (state: RenderState | null) => void (stream.state = state)
    const events = streamer.stream({ ...request, enhancementChanges, pace })
    const fiber = yield* deliver({ outlet, epoch, request, isSeek, events, issueToken, onStarted, onState }).pipe(
      Effect.annotateLogs({ track_id, stream_epoch: epoch }),
      Effect.forkScoped
    )
    return Object.assign(stream, { fiber })
  })

interface CreditWindow {
  /** Waits for a credit and uses it up. */
  readonly take: Effect.Effect<void>
  /** Adds credits, up to `maximumCredits` unused ones. */
  readonly grant: (packets: number) => Effect.Effect<void>
}

const makeCreditWindow = (initial: number): CreditWindow => {
  const semaphore = Effect.unsafeMakeSemaphore(initial)
  let unused = initial
  return {
    take: Effect.tap(Effect.asVoid(semaphore.take(1)), () => Effect.sync(() => void (unused -= 1))),
    grant: (packets) =>
      Effect.suspend(() => {
        const added = Math.min(packets, maximumCredits - unused)
        unused += added
        return Effect.asVoid(semaphore.release(added))
      })
  }
}
