import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Wasi } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import type { UnitTelling } from '../pool/serve-units.ts'
import type { Refusal } from '../pool/unit-protocol.ts'
import { wasmBytes } from '../test-support/wasm-bytes.ts'
import { wasmKernel } from '../test-support/wasm-kernel.ts'
import type { CpuTask } from './cpu-task.ts'
import { wasiProgram } from './wasi-program.ts'

const tool = new Uint8Array(readFileSync(join(import.meta.dirname, '../test-support/wasi-tool.wasm')))
const DATA = new TextEncoder().encode('3 boys\n')
const silent: UnitTelling = { resume: undefined, progress: () => undefined, save: () => undefined, took: () => undefined }
const STDOUT = { value: { from: 'stdout', as: 'binary' } } as const

interface Case extends Partial<Wasi> {
  readonly module?: Uint8Array<ArrayBuffer>
  readonly outputs?: Wasi['outputs']
  readonly output?: CpuTask['outputs'][number]
  readonly memoryBytes?: number
}

async function load({ module = tool, output, memoryBytes = 1_048_576, ...wasi }: Case, length: number) {
  const task: CpuTask = {
    job: 'job',
    params: { rate: 0.25, box: [1, 2, 3] },
    inputs: [{ name: 'data', type: 'u8', bytes: DATA }],
    outputs: [output ?? { name: 'value', type: 'u8', shape: [length] }],
    outputBytes: 65_536,
    memoryBytes,
    program: { kind: 'wasm', module }
  }
  return await wasiProgram(module, { arguments: [], outputs: STDOUT, ...wasi }, task)
}

async function refused(wanted: Case, length = 1): Promise<Refusal> {
  const program = await load(wanted, length)
  const result = 'run' in program ? await program.run(7, silent) : program
  if (result instanceof Uint8Array) throw new Error(`It returned ${result.join()}`)
  return result
}

/** What the program prints, which has to be known beforehand: outputs have a declared length. */
async function printed(wanted: Case, length: number, unit = 7): Promise<string> {
  const program = await load(wanted, length)
  const result = 'run' in program ? await program.run(unit, silent) : program
  if (!(result instanceof Uint8Array)) throw new Error(result.message)
  return new TextDecoder().decode(result)
}

describe('a C program', () => {
  it('gets its arguments with their placeholders, and its environment', async () => {
    const given = ['echo', '{unit}', '{seed}', '{params.rate}', '{params.box}', '{{unit}', 'é']
    const wanted = '7|1396430042|0.25|1,2,3|{unit}|é|'
    const { length } = new TextEncoder().encode(wanted)
    const seed = /\|(\d+)\|/.exec(await printed({ arguments: given }, length))?.[1] ?? ''
    expect(seed).toMatch(/^\d{10}$/)
    expect(await printed({ arguments: given }, length)).toBe(wanted.replace('1396430042', seed))
    expect(await printed({ arguments: ['env', 'RATE'], env: { RATE: 'r={params.rate}' } }, 6)).toBe('r=0.25')
  })

  it('reads standard input from a text or from an input', async () => {
    expect(await printed({ arguments: ['cat'], stdin: { text: 'unit {unit}\n' } }, 7)).toBe('unit 7\n')
    expect(await printed({ arguments: ['cat'], stdin: { input: 'data' } }, 7)).toBe('3 boys\n')
  })

  it('reads inputs as files and writes outputs as files, by any path', async () => {
    const binary: Wasi['outputs'] = {}
    expect(await printed({ arguments: ['copy', '/in/data', '/out/value'], outputs: binary }, 7)).toBe('3 boys\n')
    expect(await printed({ arguments: ['copy', 'in/../in/data', './out/value'], outputs: binary }, 7)).toBe('3 boys\n')
    expect(await printed({ arguments: ['append', '/out/value', 'word'], outputs: binary }, 4)).toBe('word')
  })

  it('cannot change its inputs', async () => {
    for (const path of ['/in/data', '/in/new']) {
      const message = path === '/in/data' ? 'Operation not permitted' : 'Read-only file system'
      expect(await printed({ arguments: ['copy', '/in/data', path] }, message.length)).toBe(message)
    }
    expect(await printed({ arguments: ['cat'], stdin: { input: 'data' } }, 7)).toBe('3 boys\n')
  })

  it('sees a clock that only its own looks and sleeps move, and the same file numbers in every unit', async () => {
    const first = await printed({ arguments: ['clock'] }, 29)
    expect(first).toBe('946684800000002000 5000002000')
    const listed = '.:6 ..:-1 in:3 out:1 tmp:4 '
    for (let times = 0; times < 2; times++) expect(await printed({ arguments: ['list', '/'] }, listed.length)).toBe(listed)
  })

  it('draws random numbers from the seed of its unit', async () => {
    const [first, again, other] = await Promise.all([7, 7, 8].map((unit) => printed({ arguments: ['random'] }, 32, unit)))
    expect(first).toMatch(/^[0-9a-f]{32}$/)
    expect(again).toBe(first)
    expect(other).not.toBe(first)
  })

  it('begins every unit anew', async () => {
    const program = await load({ arguments: ['copy', '/in/data', '/out/{unit}'], outputs: {} }, 7)
    if (!('run' in program)) throw new Error(program.message)
    expect(program.run(1, silent)).toMatchObject({ reason: 'output_shape', message: 'The file /out/value is not there' })
    expect(await printed({ arguments: ['copy', '/in/data', '/out/value'], outputs: {} }, 7)).toBe('3 boys\n')
  })

  it('has its numbers read as text', async () => {
    const text = { value: { from: 'stdout', as: 'text' } } as const
    const read = async (words: string, type: 'f64' | 'f32' | 'i32' | 'u8', count: number) => {
      const program = await load(
        { arguments: ['cat'], stdin: { text: words }, outputs: text, output: { name: 'value', type, shape: [count] } },
        0
      )
      const result = 'run' in program ? await program.run(0, silent) : program
      return result instanceof Uint8Array ? new DataView(result.buffer) : result.message
    }
    const numbers = await read('1.5, -inf;nan\n-0 4e-324', 'f64', 5)
    if (typeof numbers === 'string') throw new Error(numbers)
    expect(Array.from({ length: 5 }, (_, index) => numbers.getFloat64(index * 8, true))).toEqual([1.5, -Infinity, NaN, -0, 5e-324])
    expect(await read('1 2', 'f64', 3)).toBe('Standard output has 2 numbers, wanted 3')
    expect(await read('1 x2', 'f64', 2)).toBe('Standard output has "x2" at number 2, wanted a decimal number')
    expect(await read('-1', 'u8', 1)).toContain('which is no u8')
    expect(await read('2147483648', 'i32', 1)).toContain('which is no i32')
    expect(await read('0x10', 'f32', 1)).toContain('wanted a decimal number')
  })
})

describe('a program that goes wrong is told with the end of its standard error', () => {
  it.each<[string, Case, Refusal['reason'], string]>([
    [
      'an exit code',
      { arguments: ['exit', '3', 'no such thing'] },
      'runtime_error',
      'exit code 3; standard error ends with:\nno such thing'
    ],
    ['a trap', { arguments: ['trap'] }, 'runtime_error', 'RuntimeError: unreachable'],
    ['deep recursion', { arguments: ['deep'] }, 'runtime_error', 'RangeError: Maximum call stack|RuntimeError'],
    ['output without end', { arguments: ['flood'] }, 'output_too_large', 'Standard output has more than'],
    ['too much output', { arguments: ['echo', 'too', 'long'] }, 'output_too_large', 'Standard output has 9 bytes'],
    ['too little output', { arguments: [] }, 'output_shape', 'Standard output has 0 bytes, wanted 1'],
    ['no file', { outputs: {} }, 'output_shape', 'The file /out/value is not there'],
    ['no program', { module: wasmKernel() }, 'compile_error', 'does not export _start'],
    ['a foreign import', { module: wasmBytes({ imports: [['env.system']], memories: [[0, 1]] }) }, 'compile_error', '"env.system"'],
    ['no memory', { module: wasmBytes({ functions: [[]], exports: [['_start', 'function', 0]] }) }, 'compile_error', 'has no memory'],
    ['a memory over the limit', { memoryBytes: 65_536 }, 'out_of_memory', 'needs 2 pages'],
    ['a memory of 4 GiB', { module: wasmBytes({ memories: [[0, 0x80, 0x80, 0x04]] }) }, 'out_of_memory', 'needs 65536 pages']
  ])('%s', async (_, wanted, reason, words) => {
    const refusal = await refused(wanted)
    expect(refusal.reason).toBe(reason)
    expect(refusal.message).toMatch(new RegExp(words.replaceAll('"', '.')))
  })

  it('of which the last lines are kept', async () => {
    const { message } = await refused({ arguments: ['noise'] })
    expect(message).toMatch(/exit code 1; standard error ends with:\nline 9\d{3}\n[^]*line 9999$/)
    expect(message.length).toBeLessThan(2_000)
  })
})

describe('what a program may use is bounded', () => {
  it('memory: growing fails inside', async () => {
    expect(Number(await printed({ arguments: ['grow'], memoryBytes: 8_388_608 }, 1))).toBeLessThan(8)
  })

  it('open files, of which each number is used again', async () => {
    expect(await printed({ arguments: ['open'], memoryBytes: 8_388_608 }, 12)).toBe('5000 1021 33')
  })

  it('files: the disk is full', async () => {
    const NOSPC = 51
    expect(await printed({ arguments: ['fill', '/out/big'] }, 10)).toBe(`1044480 ${NOSPC}`)
    expect(await printed({ arguments: ['names'] }, 7)).toBe(`1024 ${NOSPC}`)
    expect(await printed({ arguments: ['sparse', '/tmp/x'] }, 5)).toBe(`${NOSPC} ${NOSPC}`)
  })
})
