/**
 * A player without sound: plays one track enhanced over the WebSocket and counts what arrives; goes on at the very
 * sample when the connection is lost. Run `npm start`, then
 * `npm run example:websocket -- [track id] [http://127.0.0.1:8765]`.
 */
const trackId = Number(process.argv[2] ?? 1)
const base = process.argv[3] ?? "http://127.0.0.1:8765"

/** Samples per channel that have arrived, and the token by which the stream goes on from there. */
let position = 0
let token: string | undefined
let received = 0
let attempts = 0

const connect = () => {
  const socket = new WebSocket(`${base.replace("http", "ws")}/ws`)
  socket.binaryType = "arraybuffer"
  const send = (type: string, data: object) => socket.send(JSON.stringify({ type, data }))
  let pending = 0

  socket.addEventListener("open", () => {
    if (token === undefined) send("play_enhanced", { track_id: trackId, preset: "adaptive" })
    else send("resume_stream", { resume_token: token, sample_offset: position })
  })
  socket.addEventListener("close", ({ code }) => {
    if (code === 1000) return
    // Without a token nothing has been played: there is no service to wait for.
    if (token === undefined || ++attempts > 10) {
      console.error(`No lathe service answers at ${base}. Start one with: npm start`)
      process.exitCode = 1
      return
    }
    setTimeout(connect, 500 * attempts)
  })
  socket.addEventListener("message", ({ data: frame }: MessageEvent<string | ArrayBuffer>) => {
    if (typeof frame !== "string") {
      // Little-endian float32, interleaved; a player would queue it. The credit asks for one more frame.
      received += frame.byteLength
      position += pending
      attempts = 0
      return send("credit", { frames: 1 })
    }
    const { type, data } = JSON.parse(frame)
    token = data.resume_token ?? token
    if (type === "audio_chunk_meta") {
      if (data.sample_offset !== position) throw new Error(`a gap at sample ${position}`)
      pending = data.sample_count
    } else if (type === "mastering_plan") console.log(data.plan.summary)
    else if (type === "fingerprint_progress") console.log(`fingerprint ${data.status}: ${data.message}`)
    else if (type === "audio_stream_end") {
      console.log(`${data.reason}: ${position} samples per channel, ${received} bytes`)
      socket.close(1000)
    } else if (type === "error" || type === "audio_stream_error") {
      console.error(data.message ?? data.error)
      process.exitCode = 1
      socket.close(1000)
    }
  })
}

connect()
