/** A canvas that is as sharp as the screen, and the colours of the page for it. */

export interface Surface {
  readonly context: CanvasRenderingContext2D
  /** CSS pixels. */
  readonly width: number
  readonly height: number
}

/** Clears it, and fits it to its element. Undefined while the element is not shown. */
export const surfaceOf = (canvas: HTMLCanvasElement): Surface | undefined => {
  const width = canvas.clientWidth
  const height = canvas.clientHeight
  const context = canvas.getContext("2d")
  if (context === null || width === 0 || height === 0) return undefined
  const ratio = devicePixelRatio
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)]
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w
    canvas.height = h
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, width, height)
  return { context, width, height }
}

export interface Colours {
  readonly enhanced: string
  readonly original: string
  readonly line: string
  readonly muted: string
  readonly text: string
}

let colours: Colours | undefined

/** Asked for again only after the scheme of the system has changed. */
export const pageColours = (): Colours => {
  if (colours === undefined) {
    const style = getComputedStyle(document.documentElement)
    const of = (name: string) => style.getPropertyValue(`--${name}`).trim()
    colours = {
      enhanced: of("enhanced"),
      original: of("original"),
      line: of("line"),
      muted: of("muted"),
      text: of("text")
    }
  }
  return colours
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  colours = undefined
})
