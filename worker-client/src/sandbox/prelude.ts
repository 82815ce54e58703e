/**
 * Put in front of every JavaScript or WASM job in the sandbox. An allow-list that fails closed: what cannot be removed ends
 * the program before job code runs. Tested against 47 attacks; change it together with the attack suite only.
 * Runs inside the sandbox: no imports.
 */

/** What jobs may use: the language, and the way to and from the page that our program took already. */
export const KEPT_GLOBALS =
  'Object Function Array Number String Boolean Symbol BigInt Math JSON Promise Map Set WeakMap WeakSet Proxy Reflect ' +
  'Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError RegExp ArrayBuffer DataView ' +
  'Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array Float16Array Float32Array Float64Array ' +
  'BigInt64Array BigUint64Array Iterator WebAssembly globalThis undefined NaN Infinity isNaN isFinite parseInt parseFloat ' +
  'encodeURIComponent decodeURIComponent encodeURI decodeURI escape unescape eval structuredClone queueMicrotask TextEncoder ' +
  'TextDecoder self postMessage onmessage onmessageerror addEventListener removeEventListener setTimeout clearTimeout TEMPORARY PERSISTENT'

/** Defined as `undefined` for good, so that a later script cannot bring them back. */
export const HIDDEN_GLOBALS = [
  'Worker',
  'SharedWorker',
  'fetch',
  'importScripts',
  'XMLHttpRequest',
  'WebSocket',
  'EventSource',
  'BroadcastChannel',
  'indexedDB',
  'caches',
  'navigator',
  'OffscreenCanvas',
  'Date',
  'performance',
  'location',
  'origin',
  'crypto',
  'console'
]

/** Removes every global that is not kept and fixes `Math.random` to `random`. Throws TypeError with the names that resist. */
export function closeGlobals(random: () => number): void {
  const kept = new Set(KEPT_GLOBALS.split(' '))
  const resisting: string[] = []
  for (let object: object | null = globalThis; object !== null && object !== Object.prototype; object = Reflect.getPrototypeOf(object)) {
    for (const key of Reflect.ownKeys(object)) {
      if (typeof key === 'string' && !kept.has(key) && !Reflect.deleteProperty(object, key)) resisting.push(key)
    }
  }
  for (const key of HIDDEN_GLOBALS) {
    if (!Reflect.defineProperty(globalThis, key, { value: undefined, writable: false, configurable: false })) resisting.push(key)
  }
  if (resisting.length > 0) throw new TypeError(`prelude: ${resisting.join()}`)
  Reflect.defineProperty(Math, 'random', { value: random, writable: false, configurable: false })
}
