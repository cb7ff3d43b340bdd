/**
 * Who may talk to the service: decided from what a request says about itself, before any route sees it. Three things
 * keep callers out: the Host it asks for (a foreign name that resolves to this machine is DNS rebinding), the page it
 * comes from (Origin, or Sec-Fetch-Site where a browser sends none), and the token. None of them is worth anything alone.
 */

/** What is let in. */
export interface AccessPolicy {
  /** Whether only this machine can reach the service. */
  readonly isLoopback: boolean
  /** Whether callers must show a token. */
  readonly needsToken: boolean
  /** Origins beside the service's own and this machine's, as browsers send them: `https://music.example.org`. */
  readonly origins: ReadonlySet<string>
}

/** What a request says about itself. */
export interface Caller {
  readonly method: string
  /** Path of the request, without its query. */
  readonly path: string
  readonly host: string | undefined
  readonly origin: string | undefined
  /** Where a browser says that it comes from, and what for: the headers Sec-Fetch-Site, -Mode and -Dest. */
  readonly fetchSite: string | undefined
  readonly fetchMode: string | undefined
  readonly fetchDest: string | undefined
}

export interface Refusal {
  readonly status: 401 | 403
  readonly code: "foreign_host" | "foreign_origin" | "token_required"
  /** A sentence for a person. */
  readonly message: string
}

/** Tell a supervisor or a load balancer how the service is, and nothing else: no token is needed. */
const openPaths: ReadonlySet<string> = new Set(["/health", "/health/live", "/health/ready"])

/** What a link from anywhere may open in a browser: they show nothing to the page with the link. */
const pages: ReadonlySet<string> = new Set(["/", "/index.html", "/docs"])

const foreignHost: Refusal = {
  status: 403,
  code: "foreign_host",
  message: "This service does not answer to that name. Call it by localhost, or allow the name in LATHE_ORIGINS."
}

const foreignOrigin: Refusal = {
  status: 403,
  code: "foreign_origin",
  message: "This service does not answer pages of other sites. Allow the page's origin in LATHE_ORIGINS."
}

const tokenRequired: Refusal = {
  status: 401,
  code: "token_required",
  message: "A token is required: as Authorization: Bearer, as ?token=, or by logging in on the start page."
}

/** Names and addresses that never leave this machine; with or without the brackets of IPv6. */
export const isLoopbackHost = (host: string): boolean =>
  host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host)

/** Lower-case host without the port; undefined for what is no host. */
const nameOf = (host: string): string | undefined => URL.parse(`http://${host}`)?.hostname

const isWebOrigin = (origin: string): boolean => /^https?:$/.test(URL.parse(origin)?.protocol ?? "")

const isLoopbackOrigin = (origin: string): boolean => isLoopbackHost(URL.parse(origin)?.hostname ?? "")

/** The Host with its port, as the origin of a page of that service has it. */
const isSameOrigin = (origin: string, host: string): boolean => URL.parse(origin)?.host === host.toLowerCase()

/** Why a caller is foreign here, or undefined where it is not: cheap to say, and before it costs anybody's budget. */
export const foreignness = (policy: AccessPolicy, caller: Caller): Refusal | undefined => {
  const { host, origin } = caller
  const name = host === undefined ? undefined : nameOf(host)
  if (host === undefined || name === undefined) return foreignHost
  // Beyond loopback the service has names that it does not know; there the token keeps rebinding out.
  if (policy.isLoopback && !isLoopbackHost(name) && !isNameOf(policy.origins, name)) return foreignHost
  if (origin === undefined) return isFromElsewhere(caller) ? foreignOrigin : undefined
  const isOwnPage =
    isWebOrigin(origin) && (isSameOrigin(origin, host) || isLoopbackOrigin(origin) || policy.origins.has(origin))
  return isOwnPage ? undefined : foreignOrigin
}

/** A picture, a script or a form of another site: browsers send no Origin with most of them. A link to a page is not. */
const isFromElsewhere = ({ fetchDest, fetchMode, fetchSite, method, path }: Caller): boolean => {
  if (fetchSite !== "cross-site") return false
  const isLink = method === "GET" && fetchMode === "navigate" && (fetchDest === undefined || fetchDest === "document")
  return !(isLink && pages.has(path))
}

/** The refusal of a caller that has to show a token and shows none; undefined where it may enter. */
export const missingToken = (policy: AccessPolicy, path: string, hasToken: boolean): Refusal | undefined =>
  policy.needsToken && !hasToken && !openPaths.has(path) ? tokenRequired : undefined

const isNameOf = (origins: ReadonlySet<string>, name: string): boolean =>
  [...origins].some((origin) => URL.parse(origin)?.hostname === name)
