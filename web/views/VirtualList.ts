/**
 * A long list, or grid, of which only what can be seen is in the page. Items have one height; arrows, Home, End and
 * Page keys move between them, and one of them is in the order of the Tab key.
 */
import type { PagedSource } from "../library/PagedSource.ts"
import { h, setAttribute } from "./dom.ts"

export interface ListLayout {
  readonly columns: number
  /** Pixels, without the gap. */
  readonly rowHeight: number
  readonly gap: number
}

export interface VirtualListOptions<T> {
  readonly label: string
  readonly layout: (width: number) => ListLayout
  /** An item, or its empty place while it is fetched. Its first button or link is what the keys move to. */
  readonly render: (item: T | undefined, index: number) => HTMLElement
}

/** Rows beyond what can be seen, either way. */
const overscan = 4
const focusable = "button, a"

export class VirtualList<T> {
  readonly element: HTMLElement
  readonly #list: HTMLElement
  readonly #options: VirtualListOptions<T>
  readonly #resizes: ResizeObserver
  readonly #shown = new Map<number, { readonly element: HTMLElement; readonly item: T | undefined }>()
  #source: PagedSource<T> | undefined
  #layout: ListLayout = { columns: 1, rowHeight: 1, gap: 0 }
  #width = 0
  /** The item that Tab reaches. */
  #active = 0
  /** The item that the keys have moved to, while it is still being fetched. */
  #awaited: number | undefined
  #frame = 0

  constructor(options: VirtualListOptions<T>) {
    this.#options = options
    this.#list = h("div", { class: "virtual-list", role: "list", "aria-label": options.label })
    this.element = h("div", { class: "scroller" }, this.#list)
    this.element.addEventListener("scroll", () => this.#schedule(), { passive: true })
    this.#list.addEventListener("keydown", (event) => this.#onKey(event))
    this.#list.addEventListener("focusin", (event) => this.#onFocus(event))
    this.#resizes = new ResizeObserver(() => this.#schedule())
    this.#resizes.observe(this.element)
  }

  /** Another list, from its top; `isSame` keeps the place. */
  show(source: PagedSource<T>, isSame = false): void {
    this.#source = source
    if (!isSame) {
      this.element.scrollTop = 0
      this.#active = 0
      this.#awaited = undefined
    }
    this.#update(!isSame)
  }

  /** Items look different now. */
  refresh(): void {
    this.#update(true)
  }

  close(): void {
    this.#resizes.disconnect()
    cancelAnimationFrame(this.#frame)
  }

  #schedule(): void {
    cancelAnimationFrame(this.#frame)
    this.#frame = requestAnimationFrame(() => this.#update(false))
  }

  #update(isStale: boolean): void {
    const source = this.#source
    const width = this.element.clientWidth
    if (source === undefined || width === 0) return
    if (width !== this.#width) {
      this.#width = width
      this.#layout = this.#options.layout(width)
      isStale = true
    }
    const { columns, gap, rowHeight } = this.#layout
    const pitch = rowHeight + gap
    const rows = Math.ceil(source.total / columns)
    this.#list.style.height = `${Math.max(0, rows * pitch - gap)}px`
    const firstRow = Math.max(0, Math.floor(this.element.scrollTop / pitch) - overscan)
    const lastRow = Math.min(rows, Math.ceil((this.element.scrollTop + this.element.clientHeight) / pitch) + overscan)
    const first = firstRow * columns
    const last = Math.min(source.total, lastRow * columns)
    source.ensure(last + overscan * columns)
    this.#active = Math.max(0, Math.min(this.#active, source.total - 1))
    const focused = this.#focusedIndex()
    for (const [index, { element }] of this.#shown) {
      if ((index < first || index >= last) && index !== focused) {
        element.remove()
        this.#shown.delete(index)
      }
    }
    for (let index = first; index < last; index++) this.#place(index, isStale, index === focused)
    this.#keepOrder()
  }

  #place(index: number, isStale: boolean, isFocused: boolean): void {
    const item = this.#source?.get(index)
    const old = this.#shown.get(index)
    const isCurrent = old !== undefined && old.item === item && !isStale
    let element = old?.element
    if (!isCurrent) {
      const fresh = this.#options.render(item, index)
      fresh.setAttribute("role", "listitem")
      fresh.setAttribute("aria-posinset", String(index + 1))
      fresh.dataset["index"] = String(index)
      if (element === undefined) this.#list.append(fresh)
      else element.replaceWith(fresh)
      element = fresh
      this.#shown.set(index, { element, item })
      if (isFocused || index === this.#awaited)
        element.querySelector<HTMLElement>(focusable)?.focus({ preventScroll: true })
    }
    setAttribute(element!, "aria-setsize", String(this.#source?.total ?? 0))
    const { columns, gap, rowHeight } = this.#layout
    const width = (this.#width - gap * (columns - 1)) / columns
    const style = element!.style
    style.transform = `translate(${(index % columns) * (width + gap)}px, ${Math.floor(index / columns) * (rowHeight + gap)}px)`
    style.width = `${width}px`
    style.height = `${rowHeight}px`
    for (const control of element!.querySelectorAll(focusable)) {
      setAttribute(control, "tabindex", index === this.#active ? "0" : "-1")
    }
  }

  /** A screen reader reads, and Tab goes, in the order of the page. */
  #keepOrder(): void {
    const ordered = [...this.#shown.entries()].sort(([a], [b]) => a - b)
    let before: Element | null = null
    for (const [, { element }] of ordered) {
      if (element.previousElementSibling !== before && !element.contains(document.activeElement)) {
        if (before === null) this.#list.prepend(element)
        else before.after(element)
      }
      before = element
    }
  }

  #focusedIndex(): number | undefined {
    const item = document.activeElement?.closest<HTMLElement>("[data-index]")
    return item !== null && item !== undefined && this.#list.contains(item) ? Number(item.dataset["index"]) : undefined
  }

  #onFocus(event: FocusEvent): void {
    const item = (event.target as HTMLElement).closest<HTMLElement>("[data-index]")
    if (item === null) return
    const index = Number(item.dataset["index"])
    this.#awaited = undefined
    if (index === this.#active) return
    this.#active = index
    for (const [shown, { element }] of this.#shown) {
      for (const control of element.querySelectorAll(focusable))
        setAttribute(control, "tabindex", shown === index ? "0" : "-1")
    }
  }

  #onKey(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return
    const { columns, gap, rowHeight } = this.#layout
    const page = columns * Math.max(1, Math.floor(this.element.clientHeight / (rowHeight + gap)) - 1)
    const total = this.#source?.total ?? 0
    const steps: Record<string, number> = {
      ArrowDown: columns,
      ArrowUp: -columns,
      PageDown: page,
      PageUp: -page,
      Home: -total,
      End: total,
      ...(columns > 1 ? { ArrowRight: 1, ArrowLeft: -1 } : {})
    }
    const step = steps[event.key]
    if (step === undefined || total === 0) return
    event.preventDefault()
    event.stopPropagation()
    this.#focus(Math.max(0, Math.min(total - 1, this.#active + step)))
  }

  #focus(index: number): void {
    const { columns, gap, rowHeight } = this.#layout
    const pitch = rowHeight + gap
    const top = Math.floor(index / columns) * pitch
    const scroller = this.element
    if (top < scroller.scrollTop) scroller.scrollTop = top
    else if (top + pitch > scroller.scrollTop + scroller.clientHeight)
      scroller.scrollTop = top + pitch - scroller.clientHeight
    this.#active = index
    this.#awaited = index
    this.#update(false)
    this.#shown.get(index)?.element.querySelector<HTMLElement>(focusable)?.focus({ preventScroll: true })
  }
}
