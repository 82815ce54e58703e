import { createContext, runInContext, Script } from 'node:vm'
import { describe, expect, it } from 'vitest'
import type { UnitAnswer } from '../compute/pool/unit-protocol.ts'
import { classicScript } from './classic-script.ts'

const program = classicScript(new URL('./cpu-program.ts', import.meta.url))
const APIS = [
  'fetch',
  'Worker',
  'importScripts',
  'XMLHttpRequest',
  'WebSocket',
  'indexedDB',
  'caches',
  'navigator',
  'performance',
  'crypto',
  'AbortController',
  'Date',
  'SharedArrayBuffer',
  'Atomics',
  'Intl',
  'console',
  'brandNewApi'
]

/** A worker's global scope with the program in it. Chromium's real one is in tests/e2e/sandbox.test.ts. */
function scope(script: string, stubborn?: string) {
  const answers: UnitAnswer[] = []
  let receive: ((event: { data: unknown }) => void) | undefined
  const globals: Record<string, unknown> = {
    performance,
    AbortController,
    self: {
      postMessage: (answer: UnitAnswer) => {
        answers.push(answer)
      }
    },
    addEventListener: (_: string, listener: (event: { data: unknown }) => void) => {
      receive = listener
    }
  }
  for (const name of ['fetch', 'Worker', 'importScripts', 'indexedDB', 'navigator', 'brandNewApi', 'console'])
    globals[name] = function present() {
      return name
    }
  const context = createContext(globals)
  if (stubborn !== undefined) runInContext(`Object.defineProperty(globalThis, '${stubborn}', { value: 1, configurable: false })`, context)
  new Script(`${program}\n${script}`).runInContext(context)
  return {
    context,
    answers,
    order: (data: unknown) => {
      receive?.({ data })
    }
  }
}
function read(context: object, expression: string): unknown {
  return runInContext(expression, context)
}

describe('the prelude', () => {
  it('leaves job code no API, known or unknown', () => {
    const { context } = scope(`globalThis.seen = [${APIS.map((name) => `typeof ${name}`).join()}].join()`)
    expect(read(context, 'seen')).toBe(APIS.map(() => 'undefined').join())
  })

  it('lets nobody define them again', () => {
    const { context } = scope(
      'globalThis.failed = 0; for (const name of ["fetch", "Worker", "navigator"]) if (!Reflect.defineProperty(globalThis, name, { value: 1 })) failed++'
    )
    expect(read(context, 'failed')).toBe(3)
  })

  it('stops before job code when something cannot be removed', () => {
    expect(() => scope('globalThis.ran = true', 'futureApi')).toThrow('prelude: futureApi')
  })

  it('runs units after it, each with its own random stream', async () => {
    const kernel = 'globalThis.peercomputeKernel = ({ unit }) => ({ value: new Float64Array([Math.random()]) })'
    const { context, answers, order } = scope(kernel)
    const outputs = [{ name: 'value', type: 'f64', shape: [1] }]
    const inside = JSON.stringify({
      job: 'j',
      params: {},
      inputs: [],
      outputs,
      outputBytes: 64,
      memoryBytes: 65_536,
      program: { kind: 'js', script: '' }
    })
    order({ type: 'load', task: read(context, `(${inside})`) })
    await expect.poll(() => answers.length).toBe(1)
    expect(answers[0]).toEqual({ type: 'loaded' })
    expect(read(context, 'Math.random() === Math.random()')).toBe(false)
    expect(read(context, 'Reflect.defineProperty(Math, "random", { value: () => 0 })')).toBe(false)
  })
})
