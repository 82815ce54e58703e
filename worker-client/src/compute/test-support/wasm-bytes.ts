/** WASM modules put together by hand, for tests of what no compiler would write. */

function leb(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...leb(Math.floor(value / 128))]
}
function counted(bytes: readonly number[]): number[] {
  return [...leb(bytes.length), ...bytes]
}
function vector(entries: readonly (readonly number[])[]): number[] {
  return [...leb(entries.length), ...entries.flat()]
}
function text(value: string): number[] {
  return counted([...new TextEncoder().encode(value)])
}

type Code = readonly number[]

export interface WasmParts {
  /** Parameters and results of functions. By default one: none, none. */
  readonly types?: readonly (readonly [parameters: Code, results: Code])[]
  /** Name `a.b`, and the type of a function (0 by default) or the limits of a memory. */
  readonly imports?: readonly (readonly [name: string, what?: number | Code])[]
  /** Limits of an own memory: flags, least, most. */
  readonly memories?: readonly (readonly number[])[]
  /** Instructions of functions, without the final `end`; of type 0 unless given. */
  readonly functions?: readonly (Code | { readonly type: number; readonly code: Code })[]
  /** By name: index of a function, or of a memory. */
  readonly exports?: readonly (readonly [name: string, kind: 'function' | 'memory', index: number])[]
  readonly start?: number
}

export function wasmBytes({
  types = [[[], []]],
  imports = [],
  memories = [],
  functions = [],
  exports = [],
  start
}: WasmParts): Uint8Array<ArrayBuffer> {
  const made = functions.map((one) => ('code' in one ? one : { type: 0, code: one }))
  const sections: [number, number[]][] = [
    [1, vector(types.map(([parameters, results]) => [0x60, ...counted(parameters), ...counted(results)]))],
    [
      2,
      vector(
        imports.map(([name, what = 0]) => {
          const [module = '', field = ''] = name.split('.')
          return [...text(module), ...text(field), ...(typeof what === 'number' ? [0, what] : [2, ...what])]
        })
      )
    ],
    [3, vector(made.map(({ type }) => [type]))],
    [5, vector(memories)],
    [7, vector(exports.map(([name, kind, index]) => [...text(name), kind === 'function' ? 0 : 2, index]))],
    ...(start === undefined ? [] : [[8, leb(start)] as [number, number[]]]),
    [10, vector(made.map(({ code }) => counted([0, ...code, 0x0b])))]
  ]
  const used = sections.filter(([id, bytes]) => bytes.length > 1 || id === 8)
  return Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...used.flatMap(([id, bytes]) => [id, ...counted(bytes)])])
}
