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
  /** Of one address, trusted or not, that wait for longer than the grace. */
  readonly waitingPerAddress: number
  /** In which a whole request arrives: many connections are accepted before the first of them is read, ms. */
  readonly waitingGraceMillis: number
  /** How long an address is trusted after it has shown the token, ms. */
  readonly trustMillis: number
  /** Addresses that are remembered as trusted; beyond it the one that has shown its token first is forgotten. */
  readonly trustedAddresses: number
}

export interface ConnectionTable<Connection> {
  /** Takes a new connection in; gives those that have to go for it at once, which may be itself. */
  readonly open: (connection: Connection, address: string, nowMs: number) => ReadonlyArray<Connection>
  /** To be asked when the grace of a connection of this address has passed; gives those of it that have to go. */
  readonly settle: (address: string, nowMs: number) => ReadonlyArray<Connection>
  /** Its request is here, whole. */
  readonly busy: (connection: Connection) => void
  /** It waits for a request, or for the rest of one. */
  readonly waiting: (connection: Connection, nowMs: number) => void
  readonly close: (connection: Connection) => void
  /** Somebody there has shown the token. */
  readonly trust: (address: string, nowMs: number) => void
}

const loopback = "loopback"

const keyOf = (address: string): string => {
  const key = budgetKey(address)
  return isLoopbackHost(address) || isLoopbackHost(key) ? loopback : key
}

interface Wait {
  readonly key: string
  readonly sinceMs: number
}

export const makeConnectionTable = <Connection>(bounds: ConnectionBounds): ConnectionTable<Connection> => {
  const addresses = new Map<Connection, string>()
  /** The one that has waited longest first. */
  const waits = new Map<Connection, Wait>()
  const trustedUntil = new Map<string, number>()

  const isTrusted = (key: string, nowMs: number) => key === loopback || (trustedUntil.get(key) ?? 0) > nowMs
  const openOf = (isCounted: (key: string) => boolean) => [...addresses.values()].filter(isCounted).length
  const waitingOf = (key: string) => [...waits.values()].filter((wait) => wait.key === key).length
  const longestWaiting = (isMeant: (wait: Wait) => boolean) => [...waits].find(([, wait]) => isMeant(wait))?.[0]
  /** Of those that have more waiting than they should in the long run, if there are any. */
  const firstToLeave = (isMeant: (key: string) => boolean) =>
    longestWaiting(({ key }) => isMeant(key) && waitingOf(key) > bounds.waitingPerAddress) ??
    longestWaiting(({ key }) => isMeant(key))

  const close = (connection: Connection) => {
    addresses.delete(connection)
    waits.delete(connection)
  }

  /** Those that go, one by one, while there is one to choose. */
  const closeWhile = (choose: () => Connection | undefined): ReadonlyArray<Connection> => {
    const gone: Array<Connection> = []
    for (let leaving = choose(); leaving !== undefined; leaving = choose()) {
      close(leaving)
      gone.push(leaving)
    }
    return gone
  }

  const open: ConnectionTable<Connection>["open"] = (connection, address, nowMs) => {
    const key = keyOf(address)
    addresses.set(connection, key)
    waits.set(connection, { key, sinceMs: nowMs })
    const isOfSame = (other: string) => other === key
    const isStranger = (other: string) => !isTrusted(other, nowMs)
    return closeWhile(() => {
      if (isStranger(key)) {
        if (openOf(isOfSame) > bounds.perAddress) return firstToLeave(isOfSame)
        if (openOf(isStranger) > bounds.maximum - bounds.reserve) return firstToLeave(isStranger)
      }
      if (addresses.size <= bounds.maximum) return undefined
      return firstToLeave(isStranger) ?? firstToLeave(() => true)
    })
  }

  const settle: ConnectionTable<Connection>["settle"] = (address, nowMs) => {
    const key = keyOf(address)
    const isLate = (wait: Wait) => wait.key === key && nowMs - wait.sinceMs >= bounds.waitingGraceMillis
    return closeWhile(() => (waitingOf(key) > bounds.waitingPerAddress ? longestWaiting(isLate) : undefined))
  }

  return {
    open,
    settle,
    close,
    busy: (connection) => void waits.delete(connection),
    waiting: (connection, nowMs) => {
      const key = addresses.get(connection)
      if (key === undefined) return
      waits.delete(connection)
      waits.set(connection, { key, sinceMs: nowMs })
    },
    trust: (address, nowMs) => {
      const key = keyOf(address)
      trustedUntil.delete(key)
      trustedUntil.set(key, nowMs + bounds.trustMillis)
      if (trustedUntil.size > bounds.trustedAddresses) trustedUntil.delete(trustedUntil.keys().next().value!)
    }
  }
}
