/** A WebSocket client of the streaming protocol for tests: checks every message against its schema, keeps all of it. */
import { Effect, Schema, type Scope } from "effect"
import { ServerMessage } from "../../src/contract/StreamMessages.ts"

export interface ReceivedPacket {
  readonly meta: Extract<ServerMessage, { readonly type: "audio_chunk_meta" }>["data"]
  /** Interleaved. */
  readonly samples: Float32Array
}

export interface StreamClient {
  readonly send: (type: string, data?: object) => void
  readonly messages: ReadonlyArray<ServerMessage>
  readonly packets: ReadonlyArray<ReceivedPacket>
  readonly ofType: <Type extends ServerMessage["type"]>(
    type: Type
  ) => ReadonlyArray<Extract<ServerMessage, { readonly type: Type }>>
  /** Resolves once `isMet` holds; looked at after every message. */
  readonly until: (isMet: () => boolean) => Effect.Effect<void>
}

const decode = Schema.decodeUnknownSync(Schema.parseJson(ServerMessage))

/** Grants a credit for every packet it has received, as a player that never stalls does, while `grants()` holds. */
export const connect = (
  url: string,
  grants: () => boolean = () => true
): Effect.Effect<StreamClient, never, Scope.Scope> =>
  Effect.gen(function* () {
    const messages: Array<ServerMessage> = []
    const packets: Array<ReceivedPacket> = []
    const waiting = new Set<() => void>()
    let pending: ReceivedPacket["meta"] | undefined
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => new WebSocket(`${url.replace("http", "ws")}/ws`)),
      (socket) => Effect.sync(() => socket.close(1000))
    )
    socket.binaryType = "arraybuffer"
    const send = (type: string, data?: object) => socket.send(JSON.stringify({ type, data }))
    socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data === "string") {
        const message = decode(data)
        messages.push(message)
        if (message.type === "audio_chunk_meta") pending = message.data
      } else {
        if (pending === undefined) throw new Error("a binary frame without its meta")
        packets.push({ meta: pending, samples: new Float32Array(data) })
        pending = undefined
        if (grants()) send("credit", { frames: 1 })
      }
      for (const check of waiting) check()
    })
    yield* Effect.async<void>((resume) => {
      socket.addEventListener("open", () => resume(Effect.void))
      socket.addEventListener("error", () => resume(Effect.dieMessage("the WebSocket could not connect")))
    })
    const until = (isMet: () => boolean) =>
      Effect.async<void>((resume) => {
        const check = () => {
          if (!isMet()) return
          waiting.delete(check)
          resume(Effect.void)
        }
        waiting.add(check)
        check()
      })
    const ofType: StreamClient["ofType"] = (type) =>
      messages.filter(
        (message): message is Extract<ServerMessage, { readonly type: typeof type }> => message.type === type
      )
    return { send, messages, packets, ofType, until }
  })
