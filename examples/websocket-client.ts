/**
 * A player without sound: plays one track enhanced over the WebSocket and counts what arrives. Run `npm start`, then
 * `node examples/websocket-client.ts [track id] [http://127.0.0.1:8765]`.
 */
const trackId = Number(process.argv[2] ?? 1)
const base = process.argv[3] ?? "http://127.0.0.1:8765"

const socket = new WebSocket(`${base.replace("http", "ws")}/ws`)
socket.binaryType = "arraybuffer"
const send = (type: string, data: object = {}) => socket.send(JSON.stringify({ type, data }))

let expected = 0
let received = 0

socket.addEventListener("open", () => send("play_enhanced", { track_id: trackId, preset: "adaptive" }))
socket.addEventListener("message", ({ data: frame }: MessageEvent<string | ArrayBuffer>) => {
  if (typeof frame !== "string") {
    // Little-endian float32, interleaved; a player would queue it. The credit asks for one more frame.
    received += frame.byteLength
    return send("credit", { frames: 1 })
  }
  const { type, data } = JSON.parse(frame)
  if (type === "audio_chunk_meta") {
    if (data.sample_offset !== expected) throw new Error(`a gap at sample ${expected}`)
    expected += data.sample_count
  } else if (type === "mastering_plan") console.log(data.plan.summary)
  else if (type === "fingerprint_progress") console.log(`fingerprint ${data.status}: ${data.message}`)
  else if (type === "audio_stream_end") {
    console.log(`${data.reason}: ${data.total_samples} samples per channel, ${received} bytes`)
    socket.close(1000)
  } else if (type === "error" || type === "audio_stream_error") {
    console.error(data.message ?? data.error)
    socket.close(1000)
  }
})
