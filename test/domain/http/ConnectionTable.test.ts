import { describe, it } from "@effect/vitest"
import { type ConnectionBounds, makeConnectionTable } from "../../../src/domain/http/ConnectionTable.ts"
import { assert } from "../../support/assert.ts"

const bounds: ConnectionBounds = {
  maximum: 12,
  reserve: 4,
  perAddress: 5,
  waitingPerAddress: 3,
  waitingGraceMillis: 100,
  trustMillis: 1000,
  trustedAddresses: 2
}

const makeTable = (changed: Partial<ConnectionBounds> = {}) => {
  const table = makeConnectionTable<string>({ ...bounds, ...changed })
  /** Opens so many of an address, which wait or whose requests are here; the names of all that had to go. */
  const open = (address: string, count: number, isBusy = false, from = 0) =>
    Array.from({ length: count }, (_, n) => {
      const name = `${address} ${from + n}`
      const gone = table.open(name, address, 0)
      if (isBusy && !gone.includes(name)) table.busy(name)
      return gone
    }).flat()
  return { ...table, open }
}

describe("The table of connections", () => {
  it("closes the longest waiting of an address that has too many that wait, after their grace, and none of another", () => {
    const { open, settle } = makeTable()
    assert.deepStrictEqual(open("10.0.0.1", 5), [])
    assert.deepStrictEqual(open("10.0.0.2", 3), [])
    assert.deepStrictEqual(settle("10.0.0.1", 99), [])
    assert.deepStrictEqual(settle("10.0.0.2", 100), [])
    assert.deepStrictEqual(settle("10.0.0.1", 100), ["10.0.0.1 0", "10.0.0.1 1"])
    assert.deepStrictEqual(open("127.0.0.1", 3), [])
    assert.deepStrictEqual(open("::1", 1), [])
    assert.deepStrictEqual(settle("::1", 100), ["127.0.0.1 0"])
  })

  it("closes none of a burst whose requests are here before the grace has passed", () => {
    const { busy, open, settle, waiting } = makeTable()
    assert.deepStrictEqual(open("10.0.0.1", 5), [])
    for (let n = 0; n < 5; n++) busy(`10.0.0.1 ${n}`)
    assert.deepStrictEqual(settle("10.0.0.1", 100), [])
    for (let n = 0; n < 5; n++) waiting(`10.0.0.1 ${n}`, 50)
    assert.deepStrictEqual(settle("10.0.0.1", 149), [])
    assert.deepStrictEqual(settle("10.0.0.1", 150), ["10.0.0.1 0", "10.0.0.1 1"])
  })

  it("closes first, where all places are taken, what waits of an address that has too many of these", () => {
    const { open } = makeTable({ perAddress: 8 })
    assert.deepStrictEqual(open("10.0.0.2", 1), [])
    assert.deepStrictEqual(open("10.0.0.1", 7), [])
    assert.deepStrictEqual(open("10.0.0.3", 2), ["10.0.0.1 0", "10.0.0.1 1"])
  })

  it("never closes what is being answered; the new one goes where nothing else may", () => {
    const { open } = makeTable()
    assert.deepStrictEqual(open("10.0.0.1", 7, true), ["10.0.0.1 5", "10.0.0.1 6"])
    assert.deepStrictEqual(open("127.0.0.1", 9, true), ["127.0.0.1 7", "127.0.0.1 8"])
  })

  it("keeps the reserve for loopback and for who has shown the token", () => {
    const { open, trust } = makeTable()
    assert.deepStrictEqual(open("10.0.0.1", 4, true), [])
    assert.deepStrictEqual(open("10.0.0.2", 4, true), [])
    assert.deepStrictEqual(open("10.0.0.3", 1), ["10.0.0.3 0"])
    trust("10.0.0.3", 0)
    assert.deepStrictEqual(open("10.0.0.3", 2, true), [])
    assert.deepStrictEqual(open("127.0.0.1", 2, true), [])
    assert.deepStrictEqual(open("127.0.0.1", 1, false, 2), ["127.0.0.1 2"])
  })

  it("closes strangers that wait before anybody else, where all places are taken", () => {
    const { open, trust } = makeTable({ maximum: 6, reserve: 2, waitingPerAddress: 5 })
    trust("10.0.0.9", 0)
    assert.deepStrictEqual(open("10.0.0.9", 2), [])
    assert.deepStrictEqual(open("10.0.0.1", 4), [])
    assert.deepStrictEqual(open("127.0.0.1", 1), ["10.0.0.1 0"])
    assert.deepStrictEqual(open("10.0.0.2", 1), ["10.0.0.1 1"])
  })

  it("counts a connection that has been answered as waiting again, from then on", () => {
    const { busy, open, settle, waiting } = makeTable()
    open("10.0.0.1", 5)
    busy("10.0.0.1 0")
    waiting("10.0.0.1 0", 1)
    assert.deepStrictEqual(settle("10.0.0.1", 200), ["10.0.0.1 1", "10.0.0.1 2"])
    waiting("unknown", 0)
  })

  it("trusts an address for a while, and few of them", () => {
    const { open, trust } = makeTable({ perAddress: 1 })
    for (const address of ["10.0.0.1", "10.0.0.2", "10.0.0.3"]) trust(address, 0)
    assert.deepStrictEqual(open("10.0.0.3", 2, true), [])
    assert.deepStrictEqual(open("10.0.0.1", 2, true), ["10.0.0.1 1"])
    trust("10.0.0.4", -1000)
    assert.deepStrictEqual(open("10.0.0.4", 2, true), ["10.0.0.4 1"])
  })

  it("counts all addresses of an IPv6 network of 64 bits as one", () => {
    const { open, settle } = makeTable()
    assert.deepStrictEqual(open("2001:db8::1", 2), [])
    assert.deepStrictEqual(open("2001:db8::2", 2), [])
    assert.deepStrictEqual(settle("2001:db8::2", 100), ["2001:db8::1 0"])
  })

  it("has room again for each that closes", () => {
    const { close, open } = makeTable()
    open("10.0.0.1", 5, true)
    close("10.0.0.1 0")
    assert.deepStrictEqual(open("10.0.0.1", 2, true, 5), ["10.0.0.1 6"])
  })
})
