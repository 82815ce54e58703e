// CPU twin of kernel.wgsl in AssemblyScript, with 64-bit products; the ABI is in src/manifest.ts.
// Parameters by name: centerX, centerY, columns, maxIterations, rows, width.

export { alloc } from '../src/allocate.as'

const TILE: i32 = 64
const ITERATIONS_MAX: u32 = 16384
const TWO: u32 = 536870912
const FOUR: u32 = 1073741824
const BAD_LENGTH: i32 = 1
const BAD_PARAM: i32 = 2

function multiply(a: u32, b: u32): u32 {
  return <u32>((<u64>a * <u64>b) >> 28)
}

function escapeTime(cX: i32, cY: i32, most: u32): u32 {
  let zX: i32 = 0
  let zY: i32 = 0
  for (let n: u32 = 0; n < most; n++) {
    const sizeX = <u32>(zX < 0 ? -zX : zX)
    const sizeY = <u32>(zY < 0 ? -zY : zY)
    if (sizeX > TWO || sizeY > TWO) return n
    const squareX = multiply(sizeX, sizeX)
    const squareY = multiply(sizeY, sizeY)
    if (squareX + squareY > FOUR) return n
    const product = <i32>multiply(sizeX, sizeY)
    zY = 2 * ((zX < 0) !== (zY < 0) ? -product : product) + cY
    zX = <i32>squareX - <i32>squareY + cX
  }
  return most
}

export function compute(unit: f64, params: i32, inputs: i32, outputs: i32): i32 {
  const p = <usize>params
  const pixels = <usize>load<u32>(<usize>outputs)
  if (load<u32>(<usize>outputs, 4) !== <u32>(TILE * TILE * 4)) return BAD_LENGTH
  const columns = <i32>load<f64>(p, 16)
  if (columns < 1) return BAD_PARAM
  const most = min(<u32>load<f64>(p, 24), ITERATIONS_MAX)
  const pitch = <i32>load<f64>(p, 40) / (columns * TILE)
  const row = <i32>(<i64>unit / columns)
  const column = <i32>(<i64>unit % columns)
  const left = column * TILE - columns * TILE / 2
  const top = row * TILE - <i32>load<f64>(p, 32) * TILE / 2
  for (let y = 0; y < TILE; y++) {
    const cY = <i32>load<f64>(p, 8) - (top + y) * pitch
    for (let x = 0; x < TILE; x++) {
      const cX = <i32>load<f64>(p) + (left + x) * pitch
      store<u32>(pixels + (<usize>(y * TILE + x) << 2), escapeTime(cX, cY, most))
    }
  }
  return 0
}
