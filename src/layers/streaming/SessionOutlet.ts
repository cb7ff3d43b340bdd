import { Effect } from "effect"
import type { ErrorCode, ServerMessage } from "../../contract/StreamMessages.ts"
import type { PcmPacket } from "../../services/ChunkMastering.ts"

/** What leaves a session, at once and in order. Both calls return before the client has it, and never fail. */
export interface SessionOutlet {
  readonly send: (message: ServerMessage) => void
  /** A packet and its meta belong together: meta first, then the samples, nothing between. */
  readonly sendPacket: (meta: ServerMessage, packet: PcmPacket) => void
  /** Waits for as long as the client has too much still to read. Awaited before each packet. */
  readonly ready: Effect.Effect<void>
}

export const say = (outlet: SessionOutlet, message: ServerMessage) => Effect.sync(() => outlet.send(message))

export const sayError = (outlet: SessionOutlet, code: ErrorCode, message: string) =>
  say(outlet, { type: "error", data: { code, message } })

/** With the code `internal`. */
export const internalSentence = "The service could not do this. Its log says why; try again."
