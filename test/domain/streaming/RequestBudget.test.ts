import { describe, it } from "@effect/vitest"
import { budgetKey, makeRequestBudgets } from "../../../src/domain/streaming/RequestBudget.ts"
import { assert } from "../../support/assert.ts"

const taken = (take: (address: string, nowMs: number) => boolean, address: string, nowMs: number, tries: number) =>
  Array.from({ length: tries }, () => take(address, nowMs)).filter(Boolean).length

describe("A request budget", () => {
  it("allows the burst at once, then the rate", () => {
    const take = makeRequestBudgets({ perSecond: 10, burst: 20, addresses: 8 })
    assert.strictEqual(taken(take, "a", 0, 50), 20)
    assert.strictEqual(taken(take, "a", 99, 50), 0)
    assert.strictEqual(taken(take, "a", 500, 50), 5)
    assert.strictEqual(taken(take, "a", 60_000, 50), 20)
  })

  it("is one for each address", () => {
    const take = makeRequestBudgets({ perSecond: 1, burst: 1, addresses: 8 })
    assert.isTrue(take("a", 0))
    assert.isFalse(take("a", 0))
    assert.isTrue(take("b", 0))
  })

  it("gives nothing for a clock that steps back", () => {
    const take = makeRequestBudgets({ perSecond: 1, burst: 1, addresses: 8 })
    assert.isTrue(take("a", 1_000_000))
    assert.isFalse(take("a", 0))
  })

  it("remembers so many addresses, and forgets first who was quiet for longest", () => {
    const take = makeRequestBudgets({ perSecond: 1, burst: 1, addresses: 2 })
    take("a", 0)
    take("b", 0)
    assert.isFalse(take("a", 1))
    take("c", 2)
    assert.isFalse(take("a", 3))
    assert.isTrue(take("b", 4))
  })

  it("takes IPv4 as it is, and of IPv6 the network", () => {
    assert.strictEqual(budgetKey("192.0.2.7"), "192.0.2.7")
    assert.strictEqual(budgetKey("::ffff:192.0.2.7"), "192.0.2.7")
    assert.strictEqual(budgetKey("2001:db8:0:1:aaaa::1"), budgetKey("2001:0db8::1:ffff:2:3:4"))
    assert.notStrictEqual(budgetKey("2001:db8:0:1::1"), budgetKey("2001:db8:0:2::1"))
    assert.strictEqual(budgetKey("fe80::1%eth0"), budgetKey("fe80::2"))
    assert.strictEqual(budgetKey("::1"), "0:0:0:0")
  })
})
