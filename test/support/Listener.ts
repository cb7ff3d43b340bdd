/**
 * A listener in real time, as players are: 2 s of buffer, a credit whenever a packet has been played, and a new connection
 * that resumes where one was lost. Tells what was heard: whether the samples were contiguous, and for how long it was
 * silent because the next one had not come.
 */
import { Effect, type Scope } from "effect"
import { WebSocket } from "ws"

export interface ListenerReport {
  readonly name: string
  /** "completed", or what it ended with. */
  readonly end: string
  /** Samples per channel, from the first one wanted to the last one that came. */
  readonly samples: number
  /** Samples that came twice, not at all, or were not finite; plain words. */
  readonly faults: ReadonlyArray<string>
  /** Silence because the buffer had run empty, ms. */
  readonly silenceMs: number
  /** The longest wait from a credit to its packet, ms. */
  readonly longestWaitMs: number
  /** States of the fingerprint that were told, in their order. */
  readonly fingerprint: ReadonlyArray<string>
  /** Where the plan came from, in their order. */
  readonly plans: ReadonlyArray<string>
}

export interface Listener {
  /** Resolves once it has heard `packets` packets of 250 ms. */
  readonly heard: (packets: number) => Effect.Effect<void>
  readonly end: Effect.Effect<ListenerReport>
}

export interface ListenerOptions {
  readonly url: string
  readonly name: string
  readonly trackId: number
  readonly type?: "play_enhanced" | "play_normal"
}

const bufferPackets = 8
const packetMs = 250
const tickMs = 20

export const listen = (options: ListenerOptions): Effect.Effect<Listener, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { name, trackId, type = "play_enhanced", url } = options
    const faults: Array<string> = []
    const fingerprint: Array<string> = []
    const plans: Array<string> = []
    const grants: Array<number> = []
    const waiting = new Set<() => void>()
    let end: string | undefined
    let socket: WebSocket | undefined
    let token: string | undefined
    let position = 0
    let received = 0
    let firstAt = 0
    let silenceMs = 0
    let longestWaitMs = 0

    const say = (type: string, data: object) => {
      if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type, data }))
    }
    const played = () =>
      firstAt === 0 ? 0 : Math.min(received, Math.floor((performance.now() - firstAt - silenceMs) / packetMs))
    const grant = (packets: number) => {
      for (let n = 0; n < packets; n++) grants.push(performance.now())
    }
    const wake = () => {
      for (const check of waiting) check()
    }

    const onMessage = (message: { readonly type: string; readonly data: Record<string, never> }) => {
      const { data } = message
      switch (message.type) {
        case "audio_stream_start":
          token = data["resume_token"]
          return
        case "mastering_plan":
          token = data["resume_token"]
          return void plans.push(data["plan"]["source"])
        case "fingerprint_progress":
          return void fingerprint.push(data["status"])
        case "audio_chunk_meta":
          if (data["sample_offset"] !== position) faults.push(`sample ${data["sample_offset"]} instead of ${position}`)
          position = data["sample_offset"] + data["sample_count"]
          return
        case "audio_stream_end":
          // The service is ending: it tells where to go on.
          if (data["reason"] === "completed") end = "completed"
          return
        case "audio_stream_error":
        case "error":
          end = `${data["code"]}: ${data["error"] ?? data["message"]}`
      }
    }
    const onPacket = (samples: Float32Array<ArrayBufferLike>) => {
      const now = performance.now()
      if (received === 0) firstAt = now
      // Heard at the earliest when all before it were.
      else silenceMs = Math.max(silenceMs, now - firstAt - received * packetMs)
      longestWaitMs = Math.max(longestWaitMs, now - (grants[received] ?? now))
      received++
      if (!samples.every(Number.isFinite)) faults.push(`packet ${received} is not finite`)
    }

    const connect = () => {
      const opened = new WebSocket(`${url.replace("http", "ws")}/ws`)
      socket = opened
      opened.on("open", () => {
        grants.length = received
        const credits = Math.max(1, bufferPackets - (received - played()))
        grant(credits)
        if (token === undefined) say(type, { track_id: trackId, credits })
        else say("resume_stream", { resume_token: token, sample_offset: position, credits })
      })
      opened.on("message", (data: Buffer, isBinary: boolean) => {
        if (isBinary) onPacket(new Float32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)))
        else onMessage(JSON.parse(data.toString()))
        if (end !== undefined) opened.close(1000)
        wake()
      })
      // Followed by a close.
      opened.on("error", () => {})
      opened.on("close", () => {
        if (end === undefined && socket === opened) setTimeout(connect, 50)
      })
    }

    yield* Effect.acquireRelease(
      Effect.sync(() => {
        connect()
        return setInterval(() => {
          const due = bufferPackets + played() - grants.length
          if (due <= 0 || socket?.readyState !== WebSocket.OPEN) return
          grant(due)
          say("credit", { frames: due })
        }, tickMs)
      }),
      (ticks) =>
        Effect.sync(() => {
          clearInterval(ticks)
          end ??= "left"
          socket?.close(1000)
        })
    )

    const until = (isMet: () => boolean) =>
      Effect.async<void>((resume) => {
        const check = () => {
          if (!isMet()) return
          waiting.delete(check)
          resume(Effect.void)
        }
        waiting.add(check)
        check()
        return Effect.sync(() => void waiting.delete(check))
      })

    return {
      heard: (packets) =>
        Effect.race(
          until(() => end !== undefined),
          Effect.repeat(Effect.sleep("20 millis"), { until: () => played() >= packets })
        ),
      end: Effect.map(
        until(() => end !== undefined),
        () => ({
          name,
          end: end!,
          samples: position,
          faults,
          silenceMs: Math.max(0, silenceMs),
          longestWaitMs,
          fingerprint,
          plans
        })
      )
    }
  })
