/** The print: one ramp of five stops for every scalar picture. 0 is unexposed, 1 is full density. */
export type Rgb = readonly [number, number, number]

/** 256 colours, three bytes each, linear between the stops. */
export function rampTable(stops: readonly Rgb[]): Uint8Array {
  const table = new Uint8Array(256 * 3)
  for (let entry = 0; entry < 256; entry++) {
    const position = (entry / 255) * (stops.length - 1)
    const lower = Math.min(stops.length - 2, Math.floor(position))
    const from = stops[lower]
    const to = stops[lower + 1]
    if (from === undefined || to === undefined) throw new RangeError('Cannot make a ramp: it needs two stops or more')
    for (const channel of [0, 1, 2] as const) {
      table[entry * 3 + channel] = Math.round(from[channel] + (to[channel] - from[channel]) * (position - lower))
    }
  }
  return table
}

/** Exposure of a value that one computer found and no second one has confirmed. */
export const PROVISIONAL = 0.4

function luminance(red: number, green: number, blue: number): number {
  const linear = (byte: number) => (byte <= 10 ? byte / 3294.6 : ((byte / 255 + 0.055) / 1.055) ** 2.4)
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

/** Which end of the ramp reads better on a density: WCAG 2 contrast. */
export function legibleOn(table: Uint8Array, density: number): 'print-0' | 'print-4' {
  const at = (share: number) => {
    const entry = Math.round(share * 255) * 3
    return luminance(table[entry] ?? 0, table[entry + 1] ?? 0, table[entry + 2] ?? 0)
  }
  const contrast = (a: number, b: number) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
  return contrast(at(density), at(0)) >= contrast(at(density), at(1)) ? 'print-0' : 'print-4'
}

/** Writes one opaque pixel. `density` is clamped to 0 … 1; NaN prints as unexposed. */
export function print(pixels: Uint8ClampedArray, pixel: number, table: Uint8Array, density: number): void {
  const entry = Number.isNaN(density) ? 0 : Math.round(Math.min(1, Math.max(0, density)) * 255)
  for (let channel = 0; channel < 3; channel++) pixels[pixel * 4 + channel] = table[entry * 3 + channel] ?? 0
  pixels[pixel * 4 + 3] = 255
}
