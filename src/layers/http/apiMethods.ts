/** Which methods the addresses of the HTTP API take, for who comes with another one. */
import { HttpApi } from "@effect/platform"
import { LatheApi } from "../../contract/LatheApi.ts"

const endpoints: Array<{ readonly method: string; readonly path: RegExp }> = [
  // Beside the described ones.
  { method: "GET", path: /^\/api\/supervision$/ }
]

HttpApi.reflect(LatheApi, {
  onGroup: () => undefined,
  onEndpoint: ({ endpoint }) => {
    const pattern = endpoint.path.replaceAll(/:[a-z_]+/g, "[^/]+")
    endpoints.push({ method: endpoint.method, path: new RegExp(`^${pattern}$`) })
  }
})

/** None where there is nothing at that path, which is without its query. */
export const methodsAt = (path: string): ReadonlyArray<string> =>
  endpoints.filter((endpoint) => endpoint.path.test(path)).map(({ method }) => method)
