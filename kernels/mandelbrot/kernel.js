// CPU twin of kernel.wgsl: the same fixed-point arithmetic (Q4.28), with `| 0` and Math.imul as 32-bit words.

const TILE = 64
const ITERATIONS_MAX = 16384
const TWO = 536870912
const FOUR = 1073741824

// floor(a * b / 2^28) for a, b <= 2 in Q4.28, in halves of 16 bits.
function multiply(a, b) {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = (Math.imul(aHigh, bLow) + Math.imul(aLow, bHigh) + (Math.imul(aLow, bLow) >>> 16)) | 0
  return ((Math.imul(aHigh, bHigh) << 4) + (middle >>> 12)) | 0
}

function escapeTime(cX, cY, most) {
  let zX = 0
  let zY = 0
  for (let n = 0; n < most; n++) {
    const sizeX = zX < 0 ? -zX : zX
    const sizeY = zY < 0 ? -zY : zY
    if (sizeX > TWO || sizeY > TWO) return n
    const squareX = multiply(sizeX, sizeX)
    const squareY = multiply(sizeY, sizeY)
    // At most 2^31, which is why it is not cut to 32 signed bits.
    if (squareX + squareY > FOUR) return n
    const product = multiply(sizeX, sizeY)
    zY = (2 * (zX < 0 !== zY < 0 ? -product : product) + cY) | 0
    zX = (squareX - squareY + cX) | 0
  }
  return most
}

export default function compute({ unit, params }) {
  const { centerX, centerY, width, columns, rows } = params
  const most = Math.min(params.maxIterations, ITERATIONS_MAX)
  const pitch = Math.trunc(width / (columns * TILE))
  const left = (unit % columns) * TILE - (columns * TILE) / 2
  const top = Math.floor(unit / columns) * TILE - (rows * TILE) / 2
  const iterations = new Uint32Array(TILE * TILE)
  for (let y = 0; y < TILE; y++) {
    const cY = (centerY - Math.imul(top + y, pitch)) | 0
    for (let x = 0; x < TILE; x++) iterations[y * TILE + x] = escapeTime((centerX + Math.imul(left + x, pitch)) | 0, cY, most)
  }
  return { iterations }
}
