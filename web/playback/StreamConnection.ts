/** A WebSocket to the service: keeps it open, pairs each audio_chunk_meta with its samples. See docs/protocol.md. */
import type { ServerMessage as Known } from "../../src/contract/StreamMessages.ts"

export type ServerMessage = Known
export type StreamStart = Extract<Known, { readonly type: "audio_stream_start" }>["data"] & {
  /** With a service that can go on where a lost connection was. */
  readonly resume_token?: string
}
export type ChunkMeta = Extract<Known, { readonly type: "audio_chunk_meta" }>["data"]

export interface ConnectionEvents {
  readonly onOpen: () => void
  /** `retrySeconds`: when the next attempt is made. */
  readonly onClose: (retrySeconds: number) => void
  readonly onMessage: (message: ServerMessage) => void
  readonly onPacket: (meta: ChunkMeta, samples: Float32Array) => void
}

/** The first attempts fit into what is buffered. */
const firstRetryMs = 150
const longestRetryMs = 10_000
const pingMs = 10_000

export class StreamConnection {
  readonly #url: string
  readonly #events: ConnectionEvents
  #socket: WebSocket | undefined
  #retryMs = firstRetryMs

  constructor(url: string, events: ConnectionEvents) {
    this.#url = url
    this.#events = events
    this.#open()
    setInterval(() => this.send("ping"), pingMs)
    addEventListener("online", () => this.#retryMs > firstRetryMs && this.#socket === undefined && this.#open())
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN
  }

  /** Sends a message, or nothing while there is no connection. */
  send(type: string, data?: object): void {
    if (this.isOpen) this.#socket?.send(JSON.stringify(data === undefined ? { type } : { type, data }))
  }

  #open(): void {
    const socket = new WebSocket(this.#url)
    socket.binaryType = "arraybuffer"
    let meta: ChunkMeta | undefined
    socket.addEventListener("open", () => {
      this.#retryMs = firstRetryMs
      this.#events.onOpen()
    })
    socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data !== "string") {
        if (meta !== undefined) this.#events.onPacket(meta, toSamples(data))
        meta = undefined
        return
      }
      const message = JSON.parse(data) as ServerMessage
      if (message.type === "audio_chunk_meta") meta = message.data
      else this.#events.onMessage(message)
    })
    socket.addEventListener("close", () => {
      if (this.#socket !== socket) return
      this.#socket = undefined
      // The spread keeps many pages from coming back at the same moment.
      const waitMs = this.#retryMs * (0.75 + 0.5 * Math.random())
      this.#retryMs = Math.min(2 * this.#retryMs, longestRetryMs)
      setTimeout(() => this.#socket === undefined && this.#open(), waitMs)
      this.#events.onClose(waitMs / 1000)
    })
    this.#socket = socket
  }
}

const isLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

/** `bytes` are little-endian float32. */
const toSamples = (bytes: ArrayBuffer): Float32Array => {
  if (isLittleEndian) return new Float32Array(bytes)
  const view = new DataView(bytes)
  return Float32Array.from({ length: bytes.byteLength / 4 }, (_, n) => view.getFloat32(4 * n, true))
}
