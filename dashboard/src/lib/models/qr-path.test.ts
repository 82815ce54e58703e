import { encode } from 'uqr'
import { describe, expect, it } from 'vitest'
import { qrPath } from './qr-path.ts'

describe('the path of a QR code', () => {
  it('covers exactly the dark modules', () => {
    const text = 'https://lab.example/#/room/secret?via=/dns4/lab.example/tcp/443/tls/ws/p2p/12D3KooW'
    const { size, path } = qrPath(text)
    const drawn = new Set<string>()
    for (const [, x, y, width] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g))
      for (let at = Number(x); at < Number(x) + Number(width); at++) drawn.add(`${at} ${y}`)
    const { data } = encode(text, { border: 4, ecc: 'M' })
    const dark = data.flatMap((row, y) => row.flatMap((module, x) => (module ? [`${x} ${y}`] : [])))
    expect(size).toBe(data.length)
    expect(drawn).toEqual(new Set(dark))
  })
})
