// The `alloc` of ABI 1 for AssemblyScript kernels: memory is handed out in order and never taken back.

const PAGE: u64 = 65536

let top: u64 = (<u64>__heap_base + 15) & ~15

/** Pointer to `bytes` fresh bytes, aligned to 16; 0 when the host's memory has reached its maximum. */
export function alloc(bytes: i32): i32 {
  const start = top
  const end = (start + <u64><u32>bytes + 15) & ~15
  const missing = <i64>((end + PAGE - 1) / PAGE) - <i64>memory.size()
  if (missing > 65536 || (missing > 0 && memory.grow(<i32>missing) < 0)) return 0
  top = end
  return <i32>start
}
