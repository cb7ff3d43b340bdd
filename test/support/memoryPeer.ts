/** A WebSocket's far end in memory: what it has not read stays queued at the near end, beyond what the wire holds. */
import { Schema } from "effect"
import { ServerMessage } from "../../src/contract/StreamMessages.ts"
import type { Peer } from "../../src/services/WebSockets.ts"

export interface MemoryPeer extends Peer {
  readonly messages: ReadonlyArray<ServerMessage>
  readonly packetCount: () => number
  readonly ofType: <Type extends ServerMessage["type"]>(
    type: Type
  ) => ReadonlyArray<Extract<ServerMessage, { readonly type: Type }>>
  readonly pings: () => number
  readonly closedWith: () => number | undefined
  readonly isTerminated: () => boolean
  /** The most that was ever queued at the near end, bytes. */
  readonly largestQueue: () => number
  /** A client that does not read is full after `wireBytes`. */
  readonly setReading: (isReading: boolean) => void
}

const decode = Schema.decodeUnknownSync(Schema.parseJson(ServerMessage))

/** Reads all at once, until it is told not to. */
export const makeMemoryPeer = (wireBytes = 0, onBinary: (data: Uint8Array) => void = () => undefined): MemoryPeer => {
  const queue: Array<{ readonly bytes: number; readonly onFlushed: () => void }> = []
  const messages: Array<ServerMessage> = []
  let [isReading, isTerminated] = [true, false]
  let [packets, pings, queued, onWire, largest] = [0, 0, 0, 0, 0]
  let closedWith: number | undefined

  const hasRoom = (bytes: number) => isReading || isTerminated || onWire + bytes <= wireBytes
  const flush = () => {
    while (queue.length > 0 && hasRoom(queue[0]!.bytes)) {
      const { bytes, onFlushed } = queue.shift()!
      queued -= bytes
      if (!isReading) onWire += bytes
      onFlushed()
    }
  }
  return {
    messages,
    together: (sends) => sends(),
    packetCount: () => packets,
    ofType: (type) =>
      messages.filter((message): message is Extract<ServerMessage, { type: typeof type }> => message.type === type),
    pings: () => pings,
    closedWith: () => closedWith,
    isTerminated: () => isTerminated,
    largestQueue: () => largest,
    setReading: (reading) => {
      isReading = reading
      onWire = 0
      flush()
    },
    send: (data, onFlushed) => {
      if (isTerminated || closedWith !== undefined) return
      if (typeof data === "string") messages.push(decode(data))
      else {
        packets += 1
        onBinary(data)
      }
      const bytes = Buffer.byteLength(data)
      queue.push({ bytes, onFlushed })
      queued += bytes
      flush()
      largest = Math.max(largest, queued)
    },
    ping: () => void (pings += 1),
    close: (code) => void (closedWith ??= code),
    terminate: () => {
      isTerminated = true
      flush()
    },
    queuedBytes: () => queued
  }
}
