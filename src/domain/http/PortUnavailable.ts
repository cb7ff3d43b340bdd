import { Schema } from "effect"

/** An address that cannot be listened on: taken, not this machine's, or not permitted. */
export class PortUnavailable extends Schema.TaggedError<PortUnavailable>()("PortUnavailable", {
  /** Who wanted to listen, as a sentence begins. */
  server: Schema.Literal("The service", "The fingerprint server"),
  host: Schema.String,
  port: Schema.Int,
  /** The system's word for it, such as `EADDRINUSE`. */
  detail: Schema.String,
  /** Who has it, where that is known, with its article. */
  holder: Schema.optional(Schema.String)
}) {
  override get message(): string {
    if (this.holder !== undefined)
      return `${this.server} cannot listen on ${this.host}:${this.port}: ${this.holder} has the port. Choose another one with --port, or end that first.`
    return `${this.server} cannot listen on ${this.host}:${this.port} (${this.detail}). Choose another port, or end what uses it.`
  }
}
