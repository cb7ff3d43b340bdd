// @ts-check
/** The WebSocket to the service: keeps it open, pairs each audio_chunk_meta with its samples. */

const firstRetryMs = 500
const longestRetryMs = 15_000
const pingMs = 10_000

/**
 * @typedef {object} ConnectionEvents
 * @property {() => void} onOpen
 * @property {(retryMs: number) => void} onClose
 * @property {(type: string, data: any) => void} onMessage
 * @property {(meta: any, samples: Float32Array) => void} onFrame
 */

export class Connection {
  /** @param {string} url @param {ConnectionEvents} events */
  constructor(url, events) {
    this.url = url
    this.events = events
    this.retryMs = firstRetryMs
    this.#open()
    setInterval(() => this.send("ping"), pingMs)
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN
  }

  /** Sends a message, or nothing while there is no connection. @param {string} type @param {object} [data] */
  send(type, data) {
    if (this.isOpen) this.socket.send(JSON.stringify(data === undefined ? { type } : { type, data }))
  }

  #open() {
    const socket = new WebSocket(this.url)
    socket.binaryType = "arraybuffer"
    /** @type {any} */
    let meta
    socket.addEventListener("open", () => {
      this.retryMs = firstRetryMs
      this.events.onOpen()
    })
    socket.addEventListener("message", ({ data }) => {
      if (typeof data !== "string") {
        if (meta !== undefined) this.events.onFrame(meta, toSamples(data))
        meta = undefined
        return
      }
      const message = JSON.parse(data)
      if (message.type === "audio_chunk_meta") meta = message.data
      else this.events.onMessage(message.type, message.data ?? {})
    })
    socket.addEventListener("close", () => {
      // The spread keeps many pages from coming back at the same moment.
      const waitMs = this.retryMs * (0.75 + 0.5 * Math.random())
      this.retryMs = Math.min(2 * this.retryMs, longestRetryMs)
      this.events.onClose(waitMs)
      setTimeout(() => this.#open(), waitMs)
    })
    this.socket = socket
  }
}

const isLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

/** @param {ArrayBuffer} bytes little-endian float32 */
const toSamples = (bytes) => {
  if (isLittleEndian) return new Float32Array(bytes)
  const view = new DataView(bytes)
  return Float32Array.from({ length: bytes.byteLength / 4 }, (_, n) => view.getFloat32(4 * n, true))
}
