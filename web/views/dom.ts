/** Elements in one expression each, and changes that touch the page only where something is different. */
type Child = Node | string | null | undefined | false

interface Properties {
  readonly class?: string
  /** Attributes; true is an empty one, false and undefined none. */
  readonly [attribute: string]: string | number | boolean | undefined | ((event: never) => void)
}

const assign = (element: Element, properties: Properties): void => {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener)
    else if (value === true) element.setAttribute(name, "")
    else if (value !== undefined && value !== false) element.setAttribute(name, String(value))
  }
}

/** `onclick` and the like are listeners, everything else is an attribute. */
export const h = <Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: ReadonlyArray<Child>
): HTMLElementTagNameMap[Tag] => {
  const element = document.createElement(tag)
  assign(element, properties)
  element.append(...present(children))
  return element
}

const svgNamespace = "http://www.w3.org/2000/svg"

export const svg = <Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: ReadonlyArray<Child>
): SVGElementTagNameMap[Tag] => {
  const element = document.createElementNS(svgNamespace, tag)
  assign(element, properties)
  element.append(...present(children))
  return element
}

const present = (children: ReadonlyArray<Child>): Array<Node | string> =>
  children.filter((child) => child !== null && child !== undefined && child !== false)

/** A screen reader hears a live region only when its text really is another. */
export const setText = (element: Element, text: string): void => {
  if (element.textContent !== text) element.textContent = text
}

export const setAttribute = (element: Element, name: string, value: string | undefined): void => {
  if (value === undefined) element.removeAttribute(name)
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value)
}

export const setDisabled = (element: HTMLButtonElement | HTMLInputElement, isDisabled: boolean): void => {
  if (element.disabled !== isDisabled) element.disabled = isDisabled
}
