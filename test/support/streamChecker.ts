/** A client that believes nothing: checks all that a connection says against the protocol's order, as it comes. */
import { Schema } from "effect"
import { ServerMessage } from "../../src/contract/StreamMessages.ts"

export interface StreamChecker {
  readonly text: (json: string) => void
  readonly binary: (bytes: Uint8Array) => void
  /** What was against the protocol, the first ones. */
  readonly faults: ReadonlyArray<string>
  readonly counts: Readonly<Record<"starts" | "ends" | "packets" | "errors" | "pongs", number>>
  /** A stream has started and not ended. */
  readonly isOpen: () => boolean
  /** The newest `resume_token`. */
  readonly token: () => string | undefined
}

const decode = Schema.decodeUnknownSync(Schema.parseJson(ServerMessage))
const mostFaults = 20

type Data<Type extends ServerMessage["type"]> = Extract<ServerMessage, { readonly type: Type }>["data"]

export const makeStreamChecker = (): StreamChecker => {
  const faults: Array<string> = []
  const counts = { starts: 0, ends: 0, packets: 0, errors: 0, pongs: 0 }
  let lastEpoch = 0
  let open: { readonly start: Data<"audio_stream_start">; seq: number; position: number; from: number } | undefined
  let pending: Data<"audio_chunk_meta"> | undefined
  let token: string | undefined

  const fault = (text: string) => {
    if (faults.length < mostFaults) faults.push(text)
  }
  const expect = (isTrue: boolean, what: string, data: object) => {
    if (!isTrue) fault(`${what}: ${JSON.stringify(data).slice(0, 300)}`)
  }
  const ofOpen = (type: string, data: { readonly stream_epoch: number }) => {
    expect(open?.start.stream_epoch === data.stream_epoch, `${type} of a stream that does not run`, data)
    return open
  }

  const onMessage = (message: ServerMessage): void => {
    const { data, type } = message
    switch (type) {
      case "audio_stream_start": {
        expect(open === undefined, "a start before the end of the stream before it", data)
        expect(data.stream_epoch > lastEpoch, "an epoch that does not rise", data)
        counts.starts += 1
        lastEpoch = data.stream_epoch
        const from = Math.round(data.seek_position * data.sample_rate)
        open = { start: data, seq: 0, position: from, from }
        token = data.resume_token
        return
      }
      case "audio_chunk_meta": {
        const stream = ofOpen(type, data)
        if (stream === undefined) return
        expect(data.seq === stream.seq, `not the expected seq ${stream.seq}`, data)
        expect(data.sample_offset === stream.position, `not the expected sample ${stream.position}`, data)
        stream.seq += 1
        stream.position += data.sample_count
        pending = data
        return
      }
      case "audio_stream_end":
      case "audio_stream_error": {
        const stream = ofOpen(type, data)
        if (stream !== undefined) {
          const delivered = stream.position - stream.from
          const told =
            type === "audio_stream_end"
              ? data.total_samples
              : Math.round(data.recovery_position * stream.start.sample_rate) - stream.from
          expect(told === delivered, `not the ${delivered} samples that were delivered`, data)
        }
        counts.ends += 1
        open = undefined
        return
      }
      case "mastering_plan":
        ofOpen(type, data)
        token = data.resume_token
        return
      case "fingerprint_progress":
        ofOpen(type, data)
        return
      case "error":
        counts.errors += 1
        return
      case "pong":
        counts.pongs += 1
        return
      case "playback_paused":
      case "playback_resumed":
      case "playback_stopped":
        return
    }
  }

  return {
    faults,
    counts,
    isOpen: () => open !== undefined,
    token: () => token,
    text: (json) => {
      if (pending !== undefined) fault("a message between a meta and its packet")
      try {
        onMessage(decode(json))
      } catch (error) {
        fault(`no message of the protocol: ${String(error).slice(0, 300)}`)
      }
    },
    binary: (bytes) => {
      counts.packets += 1
      const expected = (pending?.sample_count ?? 0) * (open?.start.channels ?? 0) * 4
      if (bytes.byteLength !== expected) fault(`a packet of ${bytes.byteLength} bytes, not ${expected}`)
      pending = undefined
    }
  }
}
