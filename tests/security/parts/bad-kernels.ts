/** Kernels that want to hang, leave their place or break what comes after them, each with the end that it must come to. */
import type { KernelPass, OutputSpec } from '@peercompute/job-specs'

export interface BadKernel {
  readonly name: string
  readonly wgsl: string
  /** `refused`: before it runs. `fuel`: its loops are ended. `timeout`: its slices are bounded and its unit takes too long. `right`: harmless, and word 0 is 1. */
  readonly end: 'refused' | 'fuel' | 'timeout' | 'right'
  /** Words of the refusal. */
  readonly says?: RegExp
  readonly passes?: readonly KernelPass[]
  readonly outputs?: readonly OutputSpec[]
  readonly params?: Readonly<Record<string, number>>
}

const HEAD = '@group(1) @binding(0) var<storage, read_write> value: array<u32>;\n'
const main = (body: string, before = ''): string => `${HEAD}${before}\n@compute @workgroup_size(64) fn main() {\n${body}\n}`
const endless = 'while (value[0] == 0u) { value[1] += 1u; }'
const calls = (depth: number): string =>
  Array.from({ length: depth }, (_, at) => `fn f${at}() { ${at + 1 === depth ? 'value[0] += 1u;' : `f${at + 1}(); f${at + 1}();`} }`).join(
    '\n'
  )

export const BAD_KERNELS: readonly BadKernel[] = [
  { name: 'a loop without an end', end: 'fuel', wgsl: main('loop { value[1] += 1u; }') },
  { name: 'while true', end: 'fuel', wgsl: main('while (true) { value[1] += 1u; }') },
  { name: 'for without a condition', end: 'fuel', wgsl: main('for (;;) { value[1] += 1u; }') },
  { name: 'a loop that waits for data', end: 'fuel', wgsl: main(endless) },
  {
    name: 'nested loops',
    end: 'fuel',
    wgsl: main(`loop { loop { ${endless} if (value[0] == 9u) { break; } } if (value[0] == 8u) { break; } }`)
  },
  { name: 'a loop in a function of a function', end: 'fuel', wgsl: main('f();', `fn g() { ${endless} }\nfn f() { g(); g(); }`) },
  {
    name: 'a loop that only a return ends',
    end: 'fuel',
    wgsl: main('value[2] = f();', 'fn f() -> u32 { loop { if (value[0] == 7u) { return 1u; } value[1] += 1u; } }')
  },
  { name: 'a loop behind nested comments', end: 'fuel', wgsl: main(`/* /* */ { */ ${endless} /* } */`) },
  { name: 'a loop behind LINE SEPARATOR', end: 'fuel', wgsl: main(`// nothing\u2028${endless}`) },
  { name: 'a loop behind PARAGRAPH SEPARATOR', end: 'fuel', wgsl: main(`// nothing\u2029${endless}`) },
  { name: 'a loop behind NEXT LINE', end: 'fuel', wgsl: main(`// nothing\u0085${endless}`) },
  { name: 'a loop behind a lone carriage return', end: 'fuel', wgsl: main(`// nothing\r${endless}`) },
  { name: 'a loop behind form feed and vertical tab', end: 'fuel', wgsl: main(`// nothing\f${endless}//\v${endless}`) },
  { name: 'break if that never comes', end: 'fuel', wgsl: main('loop { value[1] += 1u; continuing { break if value[0] == 7u; } }') },
  { name: 'a loop inside continuing', end: 'fuel', wgsl: main(`loop { if (value[0] == 3u) { break; } continuing { ${endless} } }`) },
  {
    name: 'a loop in a condition',
    end: 'fuel',
    wgsl: main('for (var i = 0u; f() && i < 4u; i++) { value[2] = i; }', `fn f() -> bool { ${endless} return true; }`)
  },
  { name: 'a counter that its body sets back', end: 'fuel', wgsl: main('for (var i = 0u; i < 10u; i++) { value[1] = i; i = 0u; }') },
  {
    name: 'a counter set back through a pointer',
    end: 'fuel',
    wgsl: main('for (var i = 0u; i < 10u; i++) { let p = &(i); *p = 0u; value[1] += 1u; }')
  },
  {
    name: 'a counter set back by a function',
    end: 'fuel',
    wgsl: main('for (var i = 0u; i < 10u; i++) { zero(&i); value[1] += 1u; }', 'fn zero(p: ptr<function, u32>) { *p = 0u; }')
  },
  { name: 'a counter that wraps around', end: 'fuel', wgsl: main('for (var i = 0u; i <= 4294967295u; i++) { value[1] += 1u; }') },
  { name: 'a counter that jumps over its end', end: 'fuel', wgsl: main('for (var i = 0u; i != 7u; i += 2u) { value[1] += 1u; }') },
  { name: 'a counter of no progress', end: 'fuel', wgsl: main('for (var x = 16777216.0; x < 16777300.0; x += 1.0) { value[1] += 1u; }') },
  {
    name: 'a constant with a double',
    end: 'fuel',
    wgsl: main('var N = 4000000000u; for (var i = 0u; i < N; i++) { value[1] += 1u; N = 4000000000u; i -= 0u; }', 'const N = 4u;')
  },
  {
    name: 'a shift by the width of the word',
    end: 'fuel',
    params: { k: 32 },
    wgsl: main(
      'for (var i = 1u; i > 0u; i >>= params.k) { value[1] += 1u; }',
      'struct P { k: u32 }\n@group(1) @binding(1) var<uniform> params: P;'
    )
  },
  {
    name: 'a spin lock',
    end: 'fuel',
    wgsl: `@group(1) @binding(0) var<storage, read_write> value: array<atomic<u32>>;
      @compute @workgroup_size(64) fn main() {
        loop { if (atomicCompareExchangeWeak(&value[0], 7u, 1u).exchanged) { break; } }
      }`
  },
  {
    name: 'an endless loop with a barrier',
    end: 'fuel',
    wgsl: main('loop { workgroupBarrier(); if (launch.unit == 4294967295u) { break; } }')
  },
  {
    name: 'a barrier in a loop that is not uniform',
    end: 'refused',
    says: /uniform control flow/,
    wgsl: `${HEAD}@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) {
      for (var j = 0u; j < i; j++) { workgroupBarrier(); }
    }`
  },
  {
    name: 'a huge dispatch',
    end: 'timeout',
    wgsl: main('for (var i = 0u; i < 100000u; i++) { value[1] = value[2] ^ i; }'),
    passes: [{ entry: 'main', grid: [65_535 * 64, 64, 1], repeat: 1 }]
  },
  { name: 'calls that multiply', end: 'refused', says: /^line \d+:\d+: The calls of "f0" multiply/, wgsl: main('f0();', `\n${calls(40)}`) },
  {
    name: 'a function that calls itself',
    end: 'refused',
    says: /^line 2:1: "f" calls itself/,
    wgsl: main('f();', 'fn f() { g(); }\nfn g() { f(); }')
  },
  {
    name: 'reading and writing out of bounds',
    end: 'right',
    wgsl: main('value[0] = 1u; let far = 4000000000u + launch.unit; value[far] = value[far + 1u] | 1u; value[0] = 1u;')
  },
  { name: 'text that is no WGSL', end: 'refused', says: /^line 4:12: .*missing/, wgsl: main('value[0] = missing;') },
  {
    name: 'brackets that do not close',
    end: 'refused',
    says: /^line 4:18: "\)" closes nothing/,
    wgsl: main('if (value[0 == 1u) { }')
  },
  {
    name: 'a buffer in another group',
    end: 'refused',
    says: /group/,
    wgsl: main('other = 1u;', '@group(2) @binding(0) var<storage, read_write> other: u32;')
  },
  {
    name: "a buffer in the platform's group",
    end: 'refused',
    says: /^line 2:1: Group 0 belongs/,
    wgsl: main('other = 1u;', '@group(0) @binding(1) var<storage, read_write> other: u32;')
  },
  { name: 'the fuel of the guard', end: 'refused', says: /^line 4:1: Names that begin/, wgsl: main('peercompute_fuel = 4294967295u;') },
  {
    name: 'another atomicLoad',
    end: 'refused',
    says: /^line 2:4: "atomicLoad" is a word/,
    wgsl: main(endless, 'fn atomicLoad(p: ptr<storage, atomic<u32>, read_write>) -> u32 { return 4294967295u; }')
  },
  {
    name: 'an output larger than it says',
    end: 'refused',
    says: /"value" has 16 bytes in the job and 64 in the kernel/,
    wgsl: '@group(1) @binding(0) var<storage, read_write> value: array<u32, 16>;\n@compute @workgroup_size(1) fn main() { value[15] = 1u; }'
  },
  {
    name: 'too much workgroup memory',
    end: 'refused',
    wgsl: main('w[value[0]] = 1u; value[0] = w[1];', 'var<workgroup> w: array<u32, 262144>;')
  },
  { name: 'too many invocations', end: 'refused', wgsl: `${HEAD}@compute @workgroup_size(1024, 64) fn main() { value[0] = 1u; }` },
  { name: 'a feature that the adapter lacks', end: 'refused', says: /f16/, wgsl: `enable f16;\n${main('value[0] = u32(f16(value[1]));')}` },
  {
    name: 'a flood of NaN',
    end: 'right',
    wgsl: main(
      'var x = f32(launch.unit); for (var i = 0u; i < 1000u; i++) { x = sqrt(-1.0 - x) / (x - x) + log(-x); } value[1] = bitcast<u32>(x); value[0] = 1u;'
    )
  },
  {
    name: 'divisions by zero',
    end: 'right',
    wgsl: main('let z = launch.unit; value[1] = (7u / z) % z; value[2] = u32((-2147483647 - 1) / (i32(z) - 1)); value[0] = 1u;')
  },
  {
    name: 'brackets 1 000 deep',
    end: 'refused',
    says: /nested deeper than 127/,
    wgsl: main(`value[0] = ${'('.repeat(1_000)}1u${')'.repeat(1_000)};`)
  },
  { name: 'a megabyte of text', end: 'refused', says: /524288 are allowed/, wgsl: main('value[0] += 1u;'.repeat(70_000)) },
  {
    name: 'an array too large for an invocation',
    end: 'refused',
    wgsl: main('a[value[0]] = 1u; value[0] = a[value[1]];', 'var<private> a: array<u32, 100000000>;')
  }
]
