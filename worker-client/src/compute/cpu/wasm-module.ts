/** Reads what a WASM module says of its memory, which the JavaScript API does not show. Runs inside the sandbox: no imports. */

export const WASM_PAGE_BYTES = 65_536

export interface WasmMemoryImport {
  readonly minPages: number
  /** Null when the module sets no maximum of its own. */
  readonly maxPages: number | null
}

const IMPORTS = 2
const MEMORIES = 5

/**
 * The module's one memory, imported as `env.memory`; a sentence when it has another one, or none, or needs shared or 64-bit
 * memory. Expects bytes that the engine has already compiled. Source: WebAssembly core 2.0 §5.5.
 */
export function wasmMemoryImport(bytes: Uint8Array): WasmMemoryImport | string {
  let at = 8
  function byte(): number {
    return bytes[at++] ?? 0
  }
  function number(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const part = byte()
      value += (part & 0x7f) * scale
      if (part < 128) return value
    }
  }
  function text(): string {
    const length = number()
    at += length
    return String.fromCharCode(...bytes.subarray(at - length, at))
  }
  function limits(): { flags: number; min: number; max: number | null } {
    const flags = byte()
    return { flags, min: number(), max: (flags & 1) === 1 ? number() : null }
  }
  let memory: WasmMemoryImport | undefined
  while (at < bytes.length) {
    const section = byte()
    const size = number()
    const end = at + size
    if (section === MEMORIES && number() > 0)
      return 'The module defines its own memory; import it as env.memory (for example clang -Wl,--import-memory, asc --importMemory)'
    if (section === IMPORTS) {
      for (let left = number(); left > 0; left--) {
        const name = `${text()}.${text()}`
        if (byte() !== 2) return `The module imports "${name}"; only the memory env.memory is given (AssemblyScript: asc --use abort=)`
        const { flags, min, max } = limits()
        if (name !== 'env.memory' || memory !== undefined) return `The module imports the memory "${name}"; only env.memory is given`
        if (flags > 1) return 'The module wants shared or 64-bit memory, which is not given'
        memory = { minPages: min, maxPages: max }
      }
    }
    at = end
  }
  return memory ?? 'The module does not import env.memory'
}
