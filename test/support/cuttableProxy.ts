/** A TCP proxy in front of a service, whose connections can be cut as a network does: without a word. */
import { Effect } from "effect"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"

export const startCuttableProxy = (url: string) =>
  Effect.acquireRelease(
    Effect.async<{ readonly url: string; readonly cut: () => number; readonly close: () => void }>((resume) => {
      const open = new Set<Socket>()
      const cut = () => {
        const count = open.size
        for (const socket of open) socket.destroy()
        return count
      }
      const server = createServer((near) => {
        const far = connect(Number(new URL(url).port), "127.0.0.1")
        open.add(near)
        const end = () => {
          open.delete(near)
          near.destroy()
          far.destroy()
        }
        near.on("error", end).on("close", end)
        far.on("error", end).on("close", end)
        near.pipe(far).pipe(near)
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        const close = () => {
          server.close()
          cut()
        }
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, cut, close }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )
