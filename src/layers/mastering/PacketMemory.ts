/** The memory of packets, used again: zeroing and collecting 90 KB for each cost as much as sending it. */
export interface PacketMemory {
  readonly allocate: (bytes: number) => Uint8Array<ArrayBuffer>
  readonly giveBack: (packet: Uint8Array<ArrayBuffer>) => void
}

/** Packets that were sent and not yet used again: a second of fifty streams. */
const mostSpare = 200

export const makePacketMemory = (): PacketMemory => {
  const spare: Array<Uint8Array<ArrayBuffer>> = []
  return {
    allocate: (bytes) => {
      // Almost all have the same length.
      const at = spare.findLastIndex(({ length }) => length === bytes)
      return at === -1 ? new Uint8Array(bytes) : spare.splice(at, 1)[0]!
    },
    giveBack: (packet) => {
      if (spare.push(packet) > mostSpare) spare.shift()
    }
  }
}
