/** Built-in WGSL that tells an adapter's numeric class and speed. Bounded by itself, so it needs no guard. */

export const CLASS_SAMPLES = 256
export const CLASS_ROWS = 14
export const SPEED_THREADS = 65_536
const SPEED_ROUNDS = 256
/** Elements of each of the three arrays of f32: more than a card's cache holds; a software adapter has none and is slow. */
export const TRIAD_LENGTH = 16_777_216
export const SOFTWARE_TRIAD_LENGTH = 131_072
const WORKGROUP = 64

/** What one repeat of each pass does: operations, and bytes read and written for each element. */
export const GPU_PROBE_WORK = {
  /** A multiply and an add a round. */
  floats: SPEED_THREADS * SPEED_ROUNDS * 2,
  /** A multiply, an add, a shift and an exclusive or a round. */
  integers: SPEED_THREADS * SPEED_ROUNDS * 4,
  /** c = a + 3 b, for each element. */
  triad: 12
} as const

const ROWS = [
  'sin(x)',
  'cos(x)',
  'exp(-x * 0.1)',
  'log(x)',
  'pow(x, 1.37)',
  'tanh(x * 0.1)',
  'atan(x)',
  '1.0 / x',
  'sqrt(x)',
  'inverseSqrt(x)',
  // Zero unless the compiler contracts a multiply and an add that were written apart.
  'x * y - product',
  // The rounding error of the product where fma is fused, zero where it is not.
  'fma(x, y, -product)',
  // Zero where subnormal numbers are flushed.
  'x * 1.0e-38 * 0.01',
  '(x + 1.0e-39) * 1.0001 + y'
]

/** Each row is one operation over the same samples. The product goes through memory, so that nothing is known of it. */
export const CLASS_WGSL = `
@group(1) @binding(0) var<storage, read_write> bits: array<f32, ${CLASS_SAMPLES * CLASS_ROWS}>;
@group(1) @binding(1) var<storage, read_write> products: array<f32, ${CLASS_SAMPLES}>;
@compute @workgroup_size(${WORKGROUP}) fn multiply(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x + launch.offset.x;
  if (i >= ${CLASS_SAMPLES}u) { return; }
  products[i] = (f32(i * 7919u % 1024u + 1u) * 0.0123) * (f32(i * 104729u % 512u + 1u) * 0.0371);
}
@compute @workgroup_size(${WORKGROUP}) fn classify(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x + launch.offset.x;
  if (i >= ${CLASS_SAMPLES}u) { return; }
  let x = f32(i * 7919u % 1024u + 1u) * 0.0123;
  let y = f32(i * 104729u % 512u + 1u) * 0.0371;
  let product = products[i];
${ROWS.map((row, index) => `  bits[i + ${index * CLASS_SAMPLES}u] = ${row};`).join('\n')}
}
`

export const SPEED_WGSL = `
@group(1) @binding(0) var<storage, read_write> sink: array<f32, ${SPEED_THREADS}>;
@compute @workgroup_size(${WORKGROUP}) fn floats(@builtin(global_invocation_id) id: vec3u) {
  let at = id.x + launch.offset.x;
  if (at >= ${SPEED_THREADS}u) { return; }
  var x = f32(at);
  for (var round = 0u; round < ${SPEED_ROUNDS}u; round++) { x = x * 0.999 + 0.001; }
  sink[at] = x;
}
@compute @workgroup_size(${WORKGROUP}) fn integers(@builtin(global_invocation_id) id: vec3u) {
  let at = id.x + launch.offset.x;
  if (at >= ${SPEED_THREADS}u) { return; }
  var x = at;
  var y = 0u;
  for (var round = 0u; round < ${SPEED_ROUNDS}u; round++) { x = x * 747796405u + 2891336453u; y = y ^ (x >> 7u); }
  sink[at] = f32(y);
}
`

export const triadWgsl = (length: number): string => `
@group(1) @binding(0) var<storage, read_write> a: array<f32, ${length}>;
@group(1) @binding(1) var<storage, read_write> b: array<f32, ${length}>;
@group(1) @binding(2) var<storage, read_write> c: array<f32, ${length}>;
@group(1) @binding(3) var<storage, read_write> sink: array<f32, 1>;
@compute @workgroup_size(${WORKGROUP}) fn triad(@builtin(global_invocation_id) id: vec3u) {
  let at = id.x + launch.offset.x;
  if (at >= ${length}u) { return; }
  c[at] = a[at] + 3.0 * b[at];
  if (at == 0u) { sink[0] = c[0]; }
}
`

export const PROBE_WORKGROUP = WORKGROUP
