/**
 * `node streamClients.ts URL COUNT SECONDS enhanced|normal TRACKS`: plays that many streams at once, as players with 2 s
 * of buffer do: eight credits at the start, one more whenever a packet has been played. Prints as JSON what they saw.
 */
import { WebSocket } from "ws"

const [url = "", countText, secondsText, kind = "enhanced", tracksText] = process.argv.slice(2)
const [count, seconds, tracks] = [Number(countText), Number(secondsText), Number(tracksText)]
/** Of playing time that a player holds: eight packets. */
const bufferPackets = 8
const packetMs = 250
/** Starts are spread over this: listeners do not all press the button at once. */
const startSpreadMs = 4000

export interface ClientsReport {
  readonly packets: number
  /** Packets that came after the moment at which they were to be heard. */
  readonly late: number
  readonly gaps: number
  readonly unfinished: number
  /** Milliseconds from the grant of a credit to its packet, sorted ascending. */
  readonly answers: ReadonlyArray<number>
  /** Milliseconds from play to the first packet, sorted ascending. */
  readonly firstPackets: ReadonlyArray<number>
  /** Milliseconds from ping to pong on a connection of its own, sorted ascending. */
  readonly pongs: ReadonlyArray<number>
  readonly cpuSeconds: number
}

const answers: Array<number> = []
const firstPackets: Array<number> = []
const pongs: Array<number> = []
let packets = 0
let late = 0
let gaps = 0
let unfinished = 0

const open = (): Promise<WebSocket> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`)
    socket.once("open", () => resolve(socket))
    socket.once("error", reject)
  })

const say = (socket: WebSocket, type: string, data: object = {}) => socket.send(JSON.stringify({ type, data }))

const play = async (n: number): Promise<void> => {
  const socket = await open()
  await new Promise((resolve) => setTimeout(resolve, (n * startSpreadMs) / count))
  const asked = performance.now()
  let first = 0
  let received = 0
  let expected = 0
  const granted: Array<number> = Array.from({ length: bufferPackets }, () => asked)
  say(socket, kind === "normal" ? "play_normal" : "play_enhanced", {
    track_id: (n % tracks) + 1,
    credits: bufferPackets
  })
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()))
  const tick = setInterval(() => {
    // Packets are played from when the first one came; each that was grants a credit.
    if (first === 0) return
    const now = performance.now()
    const played = Math.floor((now - first) / packetMs)
    while (granted.length < bufferPackets + Math.min(played, received)) {
      granted.push(now)
      say(socket, "credit", { frames: 1 })
    }
    if (now - asked > seconds * 1000) socket.close(1000)
  }, 20)
  socket.on("message", (data: Buffer, isBinary: boolean) => {
    if (!isBinary) {
      const message = JSON.parse(data.toString())
      if (message.type === "audio_chunk_meta") {
        if (message.data.sample_offset !== expected) gaps++
        expected = message.data.sample_offset + message.data.sample_count
      } else if (message.type === "audio_stream_end") socket.close(1000)
      else if (message.type === "audio_stream_error" || message.type === "error") {
        console.error(message.data)
        unfinished++
        socket.close(1000)
      }
      return
    }
    const now = performance.now()
    if (received === 0) {
      first = now
      firstPackets.push(now - asked)
    } else {
      if (now > first + received * packetMs) late++
      // The first eight are a burst: not the answer to a credit of their own.
      if (received >= bufferPackets) answers.push(now - granted[received]!)
    }
    received++
    packets++
  })
  await ended
  clearInterval(tick)
  if (received === 0) unfinished++
}

const pinger = await open()
let pinged = 0
pinger.on("message", () => {
  pongs.push(performance.now() - pinged)
  pinged = 0
})
const pinging = setInterval(() => {
  if (pinged !== 0) return
  pinged = performance.now()
  say(pinger, "ping")
}, 10)

await Promise.all(Array.from({ length: count }, (_, n) => play(n)))
clearInterval(pinging)
pinger.close(1000)
const ascending = (values: Array<number>) => values.sort((a, b) => a - b)
const { system, user } = process.cpuUsage()
const result: ClientsReport = {
  packets,
  late,
  gaps,
  unfinished,
  answers: ascending(answers),
  firstPackets: ascending(firstPackets),
  pongs: ascending(pongs),
  cpuSeconds: (user + system) / 1e6
}
console.log(JSON.stringify(result))
