/**
 * A player in thirty lines, whose sound another program plays:
 * `npm run -s example:play -- 1 | ffplay -f f32le -ar 44100 -ch_layout stereo -`.
 */
const [track = "1", base = "http://127.0.0.1:8765"] = process.argv.slice(2)
const socket = new WebSocket(`${base.replace("http", "ws")}/ws`)
const say = (type, data) => socket.send(JSON.stringify({ type, data }))
socket.binaryType = "arraybuffer"
// Whoever listens has gone.
process.stdout.on("error", () => process.exit())
socket.addEventListener("error", () => {
  console.error(`No lathe service answers at ${base}. Start one with: npm start`)
  process.exit(1)
})
socket.addEventListener("open", () => {
  say("play_enhanced", { track_id: Number(track), preset: "adaptive", credits: 8 })
})
socket.addEventListener("message", ({ data }) => {
  if (typeof data !== "string") {
    // 250 ms of interleaved float32. Whoever reads slowly grants slowly: nothing piles up.
    process.stdout.write(new Uint8Array(data), () => say("credit", { frames: 1 }))
    return
  }
  const message = JSON.parse(data)
  switch (message.type) {
    case "audio_stream_start":
      console.error(`${message.data.sample_rate} Hz, ${message.data.channels} channels`)
      break
    case "mastering_plan":
      console.error(message.data.plan.summary)
      break
    case "error":
    case "audio_stream_error":
      console.error(message.data.message ?? message.data.error)
      process.exitCode = 1
    // falls through
    case "audio_stream_end":
      socket.close()
  }
})
