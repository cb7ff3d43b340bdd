/** Where a session speaks to in tests: every message is checked against its schema and kept, and can be waited for. */
import { Effect, Schema } from "effect"
import { ServerMessage } from "../../src/contract/StreamMessages.ts"
import type { SessionOutlet } from "../../src/layers/streaming/SessionOutlet.ts"

export interface RecordedOutlet extends SessionOutlet {
  readonly sent: ReadonlyArray<ServerMessage>
  /** The binary frames, interleaved. */
  readonly packets: ReadonlyArray<Float32Array>
  readonly ofType: <Type extends ServerMessage["type"]>(
    type: Type
  ) => ReadonlyArray<Extract<ServerMessage, { readonly type: Type }>>
  /** Resolves once `isMet` holds; looked at after every message. */
  readonly until: (isMet: () => boolean) => Effect.Effect<void>
}

const check = Schema.decodeUnknownSync(ServerMessage)

export const makeRecordedOutlet = (ready: Effect.Effect<void> = Effect.void): RecordedOutlet => {
  const sent: Array<ServerMessage> = []
  const packets: Array<Float32Array> = []
  const waiting = new Set<() => void>()
  const look = () => {
    for (const lookAgain of waiting) lookAgain()
  }
  const record = (message: ServerMessage) => void sent.push(check(JSON.parse(JSON.stringify(message))))
  return {
    sent,
    packets,
    ready,
    send: (message) => {
      record(message)
      look()
    },
    sendPacket: (meta, { samples }) => {
      record(meta)
      packets.push(samples)
      look()
    },
    ofType: (type) =>
      sent.filter((message): message is Extract<ServerMessage, { type: typeof type }> => message.type === type),
    until: (isMet) =>
      Effect.async<void>((resume) => {
        const lookAgain = () => {
          if (!isMet()) return
          waiting.delete(lookAgain)
          resume(Effect.void)
        }
        waiting.add(lookAgain)
        lookAgain()
      })
  }
}
