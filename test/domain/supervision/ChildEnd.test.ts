import { describe, it } from "@effect/vitest"
import { Cause, Exit, FiberId } from "effect"
import { ChildShutdown, exitReasonOf, failureSentence } from "../../../src/domain/supervision/ChildEnd.ts"
import { assert } from "../../support/assert.ts"

describe("The end of a child", () => {
  it("is normal, in good order or abnormal", () => {
    const shutdown = Cause.fail(new ChildShutdown({ detail: "It gives up." }))
    assert.strictEqual(exitReasonOf(Exit.void), "normal")
    assert.strictEqual(exitReasonOf(Exit.failCause(shutdown)), "shutdown")
    assert.strictEqual(exitReasonOf(Exit.fail("no")), "abnormal")
    assert.strictEqual(exitReasonOf(Exit.die("no")), "abnormal")
    assert.strictEqual(exitReasonOf(Exit.interrupt(FiberId.none)), "abnormal")
    // Its finalizers broke.
    assert.strictEqual(exitReasonOf(Exit.failCause(Cause.sequential(shutdown, Cause.die("no")))), "abnormal")
  })

  it("is told in a sentence without stack or path", () => {
    const said = (message: string) => failureSentence(Cause.die(new Error(message)))
    assert.strictEqual(said("the socket broke"), "The socket broke.")
    assert.strictEqual(said("ENOENT: no such file, open '/music/My Band/a song.flac'"), "ENOENT: no such file, open …")
    assert.strictEqual(said("cannot read /music/My Band/a.flac at all"), "Cannot read … at all.")
    assert.strictEqual(said("cannot read C:\\Music\\a.flac"), "Cannot read …")
    assert.strictEqual(said("it broke\n    at live (file:///app/src/a.ts:1:2)"), "It broke.")
    assert.strictEqual(said("x".repeat(1000)).length, 201)
    assert.strictEqual(failureSentence(Cause.fail({ secret: "/x" })), "It failed.")
    assert.strictEqual(failureSentence(Cause.fail("it is full")), "It is full.")
    assert.strictEqual(failureSentence(Cause.interrupt(FiberId.none)), "It was interrupted.")
  })
})
