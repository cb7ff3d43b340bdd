/** What every worker says of itself, whatever its work is: it is ready, and it lives. */

/** Once, when it can take orders. */
export const ready = '{"_tag":"Ready"}'

/** Every `aliveIntervalMs` while it has something to do: of its event loop, which work in short turns keeps running. */
export const alive = '{"_tag":"Alive"}'

export const aliveIntervalMs = 200
