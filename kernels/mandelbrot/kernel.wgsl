// Escape times of one 64 x 64 tile in fixed-point arithmetic, Q4.28 in 32-bit words: every device draws the same picture to the bit.

struct Params {
  centerX: i32,   // in units of 2^-28
  centerY: i32,
  width: i32,     // of the whole picture
  columns: u32,   // tiles in a row
  rows: u32,
  maxIterations: u32,
}

@group(1) @binding(0) var<uniform> params: Params;
@group(1) @binding(1) var<storage, read_write> iterations: array<u32>;

const TILE = 64u;
const ITERATIONS_MAX = 16384u;
const TWO = 536870912u;    // 2 in Q4.28
const FOUR = 1073741824u;

// floor(a * b / 2^28) for a, b <= 2 in Q4.28, in halves of 16 bits since WGSL has no 64-bit product.
fn multiply(a: u32, b: u32) -> u32 {
  let a_low = a & 0xffffu;
  let a_high = a >> 16u;
  let b_low = b & 0xffffu;
  let b_high = b >> 16u;
  let middle = a_high * b_low + a_low * b_high + ((a_low * b_low) >> 16u);
  return ((a_high * b_high) << 4u) + (middle >> 12u);
}

@compute @workgroup_size(8, 8)
fn draw(@builtin(global_invocation_id) thread: vec3u) {
  let id = launch.offset + thread;
  if (any(id >= launch.size) || id.x >= TILE || id.y >= TILE) { return; }

  let columns = max(params.columns, 1u);
  let pitch = params.width / i32(columns * TILE);
  let x = i32(launch.unit % columns * TILE + id.x) - i32(columns * TILE / 2u);
  let y = i32(launch.unit / columns * TILE + id.y) - i32(params.rows * TILE / 2u);
  let c_x = params.centerX + x * pitch;
  let c_y = params.centerY - y * pitch;

  var z_x = 0;
  var z_y = 0;
  var n = 0u;
  let most = min(params.maxIterations, ITERATIONS_MAX);
  for (; n < most; n++) {
    let size_x = u32(abs(z_x));
    let size_y = u32(abs(z_y));
    if (size_x > TWO || size_y > TWO) { break; }
    let square_x = multiply(size_x, size_x);
    let square_y = multiply(size_y, size_y);
    if (square_x + square_y > FOUR) { break; }
    let product = i32(multiply(size_x, size_y));
    z_y = 2 * select(product, -product, (z_x < 0) != (z_y < 0)) + c_y;
    z_x = i32(square_x) - i32(square_y) + c_x;
  }
  iterations[id.y * TILE + id.x] = n;
}
