import { Worker as Thread } from "node:worker_threads"

/** Ends this process when its parent is gone even while a native call holds the main thread, which then sees nothing. */
export const exitWithParent = (): void => {
  const watch = `
    const { workerData: parent } = require("node:worker_threads")
    setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, "SIGKILL") }, 1000)
  `
  new Thread(watch, { eval: true, workerData: process.ppid }).unref()
}
