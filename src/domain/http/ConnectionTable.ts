/**
 * Which connections the service keeps, and which go when there are too many. A connection *waits* while the request it
 * is to bring is not here whole: at its start, between two requests, with half a header or half a body. Those that wait
 * are what an attacker has for nothing, so they alone are closed, the one that has waited longest first; what is being
 * answered, or has become a WebSocket, stays.
 */
import { budgetKey } from "../streaming/RequestBudget.ts"
import { isLoopbackHost } from "./Access.ts"

export interface ConnectionBounds {
  /** Connections at a time. */
  readonly maximum: number
  /** Of these, for addresses that are trusted only: loopback, and those that have shown the token. */
  readonly reserve: number
  /** Of one address that is not trusted. */
  readonly perAddress: number
  /** Of one address, trusted or not, that wait. */
  readonly waitingPerAddress: number
  /** How long an address is trusted after it has shown the token, ms. */
  readonly trustMillis: number
  /** Addresses that are remembered as trusted; beyond it the one that has shown its token first is forgotten. */
  readonly trustedAddresses: number
}

export interface ConnectionTable<Connection> {
  /** Takes a new connection in; gives those that have to go for it, which may be itself. */
  readonly open: (connection: Connection, address: string, nowMs: number) => ReadonlyArray<Connection>
  /** Its request is here, whole. */
  readonly busy: (connection: Connection) => void
  /** It waits for a request, or for the rest of one. */
  readonly waiting: (connection: Connection) => void
  readonly close: (connection: Connection) => void
  /** Somebody there has shown the token. */
  readonly trust: (address: string, nowMs: number) => void
}

const loopback = "loopback"

const keyOf = (address: string): string => {
  const key = budgetKey(address)
  return isLoopbackHost(address) || isLoopbackHost(key) ? loopback : key
}

export const makeConnectionTable = <Connection>(bounds: ConnectionBounds): ConnectionTable<Connection> => {
  const addresses = new Map<Connection, string>()
  /** The one that has waited longest first. */
  const waits = new Map<Connection, string>()
  const trustedUntil = new Map<string, number>()

  const isTrusted = (key: string, nowMs: number) => key === loopback || (trustedUntil.get(key) ?? 0) > nowMs
  const count = (of: ReadonlyMap<Connection, string>, isCounted: (key: string) => boolean) =>
    [...of.values()].filter(isCounted).length
  const longestWaiting = (isMeant: (key: string) => boolean) => [...waits].find(([, key]) => isMeant(key))?.[0]

  const close = (connection: Connection) => {
    addresses.delete(connection)
    waits.delete(connection)
  }

  const open: ConnectionTable<Connection>["open"] = (connection, address, nowMs) => {
    const key = keyOf(address)
    addresses.set(connection, key)
    waits.set(connection, key)
    const gone: Array<Connection> = []
    /** While there are too many of them, the longest waiting among them goes, or of any that may go instead. */
    const bound = (of: ReadonlyMap<Connection, string>, isCounted: (key: string) => boolean, maximum: number) => {
      while (count(of, isCounted) > maximum) {
        const leaving = longestWaiting(isCounted)!
        close(leaving)
        gone.push(leaving)
      }
    }
    const isOfSame = (other: string) => other === key
    const isStranger = (other: string) => !isTrusted(other, nowMs)
    bound(waits, isOfSame, bounds.waitingPerAddress)
    if (isStranger(key)) {
      bound(addresses, isOfSame, bounds.perAddress)
      bound(addresses, isStranger, bounds.maximum - bounds.reserve)
    }
    while (addresses.size > bounds.maximum) {
      const leaving = longestWaiting(isStranger) ?? longestWaiting(() => true)!
      close(leaving)
      gone.push(leaving)
    }
    return gone
  }

  return {
    open,
    close,
    busy: (connection) => void waits.delete(connection),
    waiting: (connection) => {
      const key = addresses.get(connection)
      if (key === undefined) return
      waits.delete(connection)
      waits.set(connection, key)
    },
    trust: (address, nowMs) => {
      const key = keyOf(address)
      trustedUntil.delete(key)
      trustedUntil.set(key, nowMs + bounds.trustMillis)
      if (trustedUntil.size > bounds.trustedAddresses) trustedUntil.delete(trustedUntil.keys().next().value!)
    }
  }
}
