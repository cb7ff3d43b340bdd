/** A list of known length whose items are fetched page by page, in order, as far as they are looked at. */
import type { Page } from "./Track.ts"

export type FetchPage<T> = (request: {
  readonly cursor: string | undefined
  readonly limit: number
  readonly signal: AbortSignal
}) => Promise<Page<T>>

/** As many as the service gives at once. */
const pageLength = 500

export class PagedSource<T> {
  readonly #fetch: FetchPage<T>
  readonly #onChange: () => void
  #items: ReadonlyArray<T> = []
  #total = 0
  #cursor: string | undefined
  #isComplete = false
  #wanted = 1
  #running: AbortController | undefined
  #failure: unknown
  #hasAnswered = false

  constructor(fetch: FetchPage<T>, onChange: () => void) {
    this.#fetch = fetch
    this.#onChange = onChange
    void this.#run()
  }

  /** Items that there are, fetched or not. */
  get total(): number {
    return this.#total
  }
  /** Undefined until the first page is there. */
  get isLoading(): boolean {
    return !this.#hasAnswered && this.#failure === undefined
  }
  get failure(): unknown {
    return this.#failure
  }
  get items(): ReadonlyArray<T> {
    return this.#items
  }

  get(index: number): T | undefined {
    return this.#items[index]
  }

  /** Sees to it that the items before `end` are fetched. */
  ensure(end: number): void {
    this.#wanted = Math.max(this.#wanted, end)
    if (this.#running === undefined && this.#failure === undefined) void this.#run()
  }

  retry(): void {
    this.#failure = undefined
    void this.#run()
  }

  /** Fetches anew what is there, and replaces it at once: nothing flickers. */
  async refresh(): Promise<void> {
    this.close()
    const running = new AbortController()
    this.#running = running
    const length = Math.max(this.#items.length, pageLength)
    try {
      let items: ReadonlyArray<T> = []
      let page: Page<T> | undefined
      do {
        const request = { cursor: page?.next_cursor ?? undefined, limit: pageLength, signal: running.signal }
        page = await this.#fetch(request)
        items = [...items, ...page.items]
      } while (page.next_cursor !== null && items.length < length)
      this.#items = items
      this.#total = Math.max(page.total, items.length)
      this.#cursor = page.next_cursor ?? undefined
      this.#isComplete = page.next_cursor === null
      this.#hasAnswered = true
      this.#failure = undefined
      this.#onChange()
    } catch {
      // The old list stays.
    } finally {
      if (this.#running === running) this.#running = undefined
    }
  }

  close(): void {
    this.#running?.abort()
    this.#running = undefined
  }

  async #run(): Promise<void> {
    const running = new AbortController()
    this.#running = running
    try {
      while (!this.#isComplete && this.#items.length < this.#wanted) {
        const page = await this.#fetch({ cursor: this.#cursor, limit: pageLength, signal: running.signal })
        if (running.signal.aborted) return
        this.#items = [...this.#items, ...page.items]
        this.#total = Math.max(page.total, this.#items.length)
        this.#cursor = page.next_cursor ?? undefined
        this.#isComplete = page.next_cursor === null
        if (this.#isComplete) this.#total = this.#items.length
        this.#hasAnswered = true
        this.#onChange()
      }
    } catch (fault) {
      if (running.signal.aborted) return
      this.#failure = fault
      this.#onChange()
    } finally {
      if (this.#running === running) this.#running = undefined
    }
  }
}
