/**
 * The transport of one listener: starts and ends the stream, at most one run of it at a time, and moves it from one
 * connection to another.
 */
import { Deferred, Effect, Exit, Fiber, type Scope } from "effect"
import { randomUUID } from "node:crypto"
import type { ClientMessage } from "../../contract/StreamMessages.ts"
import { ResumeTokens } from "../../services/ResumeTokens.ts"
import { type RunningStream, startStream, type StreamStart } from "./RunningStream.ts"
import { sayError, type SessionOutlet } from "./SessionOutlet.ts"

/** Whose transport has which stream, by its id, which resume tokens hold as `line`. One for all sessions of a service. */
export type StreamOwners = Map<string, StreamTransport>

export interface StreamTransport {
  readonly outlet: SessionOutlet
  readonly owners: StreamOwners
  /** Streams that it has, or is about to have. */
  readonly claimed: Set<string>
  /** Held by who starts or ends the stream. */
  readonly lock: Effect.Semaphore
  streamId: string
  /** Of the latest stream; 0 before the first. */
  epoch: number
  latest: RunningStream | undefined
  /** The stream that it is about to have, and the epoch that this will have had by then. */
  arriving: { readonly streamId: string; readonly reached: Deferred.Deferred<number> } | undefined
}

/** It has its streams until its scope closes. */
export const makeTransport = (
  outlet: SessionOutlet,
  owners: StreamOwners
): Effect.Effect<StreamTransport, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.map(Effect.makeSemaphore(1), (lock): StreamTransport => {
      const streamId = randomUUID()
      return { outlet, owners, claimed: new Set(), lock, streamId, epoch: 0, latest: undefined, arriving: undefined }
    }),
    (transport) => Effect.sync(() => releaseAllBut(transport))
  )

/** The stream that runs, paused or not. */
export const runningStream = ({ latest }: StreamTransport) =>
  latest !== undefined && latest.fiber.unsafePoll() === null ? latest : undefined

/** Ends what runs and starts another run. */
export const play = (transport: StreamTransport, options: StreamStart) =>
  transport.lock.withPermits(1)(start(transport, options))

/** Ends what runs, and waits until its end has been sent. */
export const end = (transport: StreamTransport) => transport.lock.withPermits(1)(interruptRunning(transport))

/** Goes on with the stream of a token, here, wherever it runs now. */
export const resume = (
  transport: StreamTransport,
  message: Extract<ClientMessage, { readonly type: "resume_stream" }>["data"]
) =>
  Effect.gen(function* () {
    const { credits, position, resume_token, sample_offset } = message
    const point = yield* Effect.flatMap(ResumeTokens, (tokens) => tokens.redeem(resume_token))
    const { asked_sample_rate, enhancement, line, track_id: trackId } = point
    // Claimed before the stream that may still run elsewhere is ended: of two that resume at once, one gets it.
    const previous = transport.owners.get(line)
    claim(transport, line)
    const arrival = { streamId: line, reached: yield* Deferred.make<number>() }
    transport.arriving = arrival
    const taken = previous === undefined || previous === transport ? Effect.succeed(0) : takeOver(previous, line)
    const reached = yield* Effect.onExit(taken, (exit) =>
      Deferred.succeed(arrival.reached, Exit.isSuccess(exit) ? exit.value : 0)
    )
    const from = point.state ?? undefined
    yield* Effect.suspend(() => {
      const { epoch, outlet, owners } = transport
      if (owners.get(line) !== transport) {
        return sayResumedElsewhere(outlet)
      }
      transport.streamId = line
      releaseAllBut(transport, line)
      transport.epoch = Math.max(epoch, point.stream_epoch, reached)
      const startSeconds = sample_offset === undefined ? (position ?? 0) : sample_offset / point.sample_rate
      const request = { trackId, enhancement, sampleRate: asked_sample_rate ?? undefined, startSeconds, from }
      return start(transport, { request, credits, isSeek: true })
    }).pipe(transport.lock.withPermits(1))
  }).pipe(
    Effect.catchTag("InvalidResumeToken", ({ message }) => sayError(transport.outlet, "invalid_resume_token", message))
  )

/** Only while it holds the lock. */
const start = (transport: StreamTransport, options: StreamStart) =>
  Effect.gen(function* () {
    yield* interruptRunning(transport)
    transport.epoch += 1
    claim(transport, transport.streamId)
    transport.latest = yield* startStream(transport.outlet, options, transport)
  })

const interruptRunning = (transport: StreamTransport) =>
  Effect.suspend(() => {
    const stream = runningStream(transport)
    return stream === undefined ? Effect.void : Effect.asVoid(Fiber.interrupt(stream.fiber))
  })

const sayResumedElsewhere = (outlet: SessionOutlet) =>
  sayError(outlet, "resumed_elsewhere", "Another connection has resumed this stream.")

/**
 * Ends the stream, for it goes on elsewhere, and tells its listener so. Gives the epoch it had, once it has ended there
 * and wherever it was before; 0: it is not that stream's owner any more.
 */
const takeOver = (transport: StreamTransport, streamId: string): Effect.Effect<number> =>
  Effect.suspend(() => {
    const { arriving } = transport
    // Whoever resumes third waits for what the second is still waiting for.
    const reached = arriving?.streamId === streamId ? Deferred.await(arriving.reached) : Effect.succeed(0)
    const given = Effect.suspend(() => (transport.streamId === streamId ? giveAway(transport) : Effect.succeed(0)))
    return Effect.zipWith(reached, transport.lock.withPermits(1)(given), Math.max)
  })

const giveAway = (transport: StreamTransport) =>
  Effect.gen(function* () {
    const taken = runningStream(transport)
    yield* interruptRunning(transport)
    // What has not begun has no end that could be told.
    if (taken !== undefined && !taken.hasStarted) yield* sayResumedElsewhere(transport.outlet)
    transport.streamId = randomUUID()
    transport.latest = undefined
    return transport.epoch
  })

const claim = (transport: StreamTransport, id: string) => {
  transport.claimed.add(id)
  transport.owners.set(id, transport)
}

const releaseAllBut = (transport: StreamTransport, kept?: string) => {
  const { claimed, owners } = transport
  for (const id of claimed) {
    if (id === kept) continue
    claimed.delete(id)
    if (owners.get(id) === transport) owners.delete(id)
  }
}
