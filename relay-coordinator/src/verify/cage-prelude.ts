/**
 * Runs in the cage before the program of a job, and keeps the built-ins that it needs out of the program's reach. Everything that reads
 * what a program made (answers with getters, thrown proxies) happens in here, under the same limits, and leaves as one short text.
 */
export const CAGE_PRELUDE = `(() => {
  'use strict'
  const { apply } = Reflect
  const { stringify } = JSON
  const { slice } = String.prototype
  const kinds = { __proto__: null, u8: Uint8Array, i32: Int32Array, u32: Uint32Array, f32: Float32Array, f64: Float64Array }
  delete Math.random
  const words = (value) => apply(slice, value, [0, 500])
  const plain = (value) => {
    switch (typeof value) {
      case 'string': return words(value)
      case 'number': case 'boolean': case 'undefined': return value
      default: return null
    }
  }
  const described = (error) => {
    try {
      if (typeof error === 'string') return words(error)
      if (typeof error !== 'object' || error === null) return typeof error
      const { name, message } = error
      return (typeof name === 'string' ? words(name) : 'Error') + ': ' + (typeof message === 'string' ? words(message) : '')
    } catch {
      return 'an error that cannot be read'
    }
  }
  const seeded = (a, b, c, counter) => {
    const next = () => {
      const sum = (((a + b) | 0) + counter) | 0
      counter = (counter + 1) | 0
      a = b ^ (b >>> 9)
      b = (c + (c << 3)) | 0
      c = (((c << 21) | (c >>> 11)) + sum) | 0
      return (sum >>> 0) / 4294967296
    }
    for (let i = 0; i < 12; i++) next()
    return next
  }
  return {
    view: (kind, buffer) => new kinds[kind](buffer),
    random: seeded,
    described,
    call: (program, a, b) => {
      let out
      try {
        const answer = apply(program, undefined, [a, b])
        if (typeof answer !== 'object' || answer === null) out = { __proto__: null, kind: typeof answer, answer: plain(answer) }
        else {
          const { pass, agree, metric, bound, detail } = answer
          const fields = { __proto__: null, pass: plain(pass), agree: plain(agree), metric: plain(metric), bound: plain(bound), detail: plain(detail) }
          out = { __proto__: null, kind: answer instanceof Promise ? 'promise' : 'object', answer: fields }
        }
      } catch (error) {
        out = { __proto__: null, kind: 'thrown', answer: described(error) }
      }
      return stringify(out)
    }
  }
})()`
