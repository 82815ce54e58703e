/** Jobs that take what they can get. Each is a module whose unit 0 is the bomb; its other units are honest. */
export interface Bomb {
  readonly name: string
  readonly js: string
  /** Limit of a unit: what ends a bomb that nothing else ends. */
  readonly unitMs: number
  /** How its unit may fail. */
  readonly reasons: readonly string[]
  /** Whether its process grows until it is ended: of these, few are enough. */
  readonly heavy: boolean
}

function kernel(bomb: string): string {
  return `export default async ({ unit }) => { if (unit === 0) { ${bomb} } return { value: new Uint32Array([unit]) } }`
}

/** Touched memory is bounded by nobody but us: the test's bomb stops growing here and then holds what it has. */
const BUFFER_BYTES = 1_073_741_824
const CHUNK_BYTES = 33_554_432

export const BOMBS: readonly Bomb[] = [
  { name: 'loop', js: kernel('for (;;);'), unitMs: 1_000, reasons: ['timeout'], heavy: false },
  {
    name: 'heap',
    js: kernel('const all = []; for (;;) all.push(Array.from({ length: 1e5 }, (_, i) => ({ i })))'),
    unitMs: 1_500,
    reasons: ['timeout', 'out_of_memory', 'runtime_error'],
    heavy: true
  },
  {
    name: 'buffer',
    js: kernel(
      `const all = []; for (let at = 0; at < ${BUFFER_BYTES}; at += ${CHUNK_BYTES}) all.push(new Uint8Array(${CHUNK_BYTES}).fill(1)); for (;;) all[0][0]++`
    ),
    unitMs: 1_500,
    reasons: ['timeout', 'out_of_memory', 'runtime_error'],
    heavy: true
  },
  {
    name: 'flood',
    js: kernel("for (;;) postMessage({ type: 'progress', unit: 0, fraction: 0.5, more: new Uint8Array(65536) })"),
    unitMs: 2_000,
    reasons: ['runtime_error', 'timeout'],
    heavy: false
  },
  {
    name: 'workers',
    js: kernel("for (let i = 0; i < 50; i++) new Worker('data:text/javascript,for(;;);')"),
    unitMs: 2_000,
    reasons: ['runtime_error'],
    heavy: false
  }
]
