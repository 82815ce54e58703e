// CPU twin of kernel.wgsl in AssemblyScript; the ABI is in src/manifest.ts. Parameters by name: n.

export { alloc } from '../src/allocate.as'

const BAD_LENGTH: i32 = 1
const BAD_PARAM: i32 = 2

// Bit masks of the taken columns and of the two diagonals, which move one column with every row.
function completions(all: u32, columns: u32, left: u32, right: u32): u32 {
  if (columns === all) return 1
  let found: u32 = 0
  let open = all & ~(columns | left | right)
  while (open !== 0) {
    const bit = open & (~open + 1)
    open ^= bit
    found += completions(all, columns | bit, (left | bit) << 1, (right | bit) >> 1)
  }
  return found
}

export function compute(unit: f64, params: i32, inputs: i32, outputs: i32): i32 {
  if (load<u32>(<usize>outputs, 4) !== 4) return BAD_LENGTH
  const n = <u32>load<f64>(<usize>params)
  if (n < 1 || n > 16) return BAD_PARAM
  const index = <u64>unit
  const first: u32 = 1 << (<u32>(index / n) % n)
  const second: u32 = 1 << <u32>(index % n)
  const attacked = first | (first << 1) | (first >> 1)
  const all: u32 = (1 << n) - 1
  const found = (attacked & second) !== 0 ? 0 : completions(all, first | second, ((first << 1) | second) << 1, ((first >> 1) | second) >> 1)
  store<u32>(<usize>load<u32>(<usize>outputs), found)
  return 0
}
