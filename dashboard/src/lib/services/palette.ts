/** Colours in force, for canvases: design tokens resolved to sRGB bytes. */
import type { Rgb } from '../models/picture/ramp.ts'

let probe: HTMLElement | null = null
let ink: CanvasRenderingContext2D | null = null

/** CSS text of a token, e.g. `cssColour('ink-3')`. */
export function cssColour(token: string): string {
  if (probe === null) {
    probe = document.createElement('i')
    probe.hidden = true
    document.body.append(probe)
  }
  probe.style.color = `var(--${token})`
  return getComputedStyle(probe).color
}

export function rgbColour(token: string): Rgb {
  if (ink === null) {
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = 1
    ink = canvas.getContext('2d', { willReadFrequently: true })
  }
  if (ink === null) return [128, 128, 128]
  ink.fillStyle = cssColour(token)
  ink.fillRect(0, 0, 1, 1)
  const [red = 0, green = 0, blue = 0] = ink.getImageData(0, 0, 1, 1).data
  return [red, green, blue]
}

export const printStops = ['print-0', 'print-1', 'print-2', 'print-3', 'print-4'] as const

/** Reads each token once: computed styles are slow to ask for. Good for one painting; colours change with the theme. */
export function colourReader(): (token: string) => string {
  const known = new Map<string, string>()
  return (token) => {
    const colour = known.get(token) ?? cssColour(token)
    known.set(token, colour)
    return colour
  }
}
