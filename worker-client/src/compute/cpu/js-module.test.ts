import { PeerComputeError } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { moduleToScript } from './js-module.ts'

function kernelOf(text: string): unknown {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the script is made to be run; this is the check that it runs
  return (new Function(moduleToScript(text)) as () => unknown)()
}
function run(text: string): unknown {
  return (kernelOf(text) as (context: object) => unknown)({ unit: 2 })
}
function refusal(text: string): PeerComputeError {
  try {
    moduleToScript(text)
  } catch (error) {
    if (error instanceof PeerComputeError) return error
  }
  throw new Error(`Not refused: ${text}`)
}

describe('moduleToScript', () => {
  it.each([
    ['a named function', 'const two = 2\nexport default function compute({ unit }) { return unit * two + more }\nconst more = 1'],
    ['a nameless function before a line in brackets', 'export default function ({ unit }) { return unit * 2 + 1 }\n;[1].map(String)'],
    ['an arrow function', 'export default ({ unit }) => unit * 2 + 1\n'],
    ['a name', 'const compute = ({ unit }) => unit * 2 + 1\nexport default compute\n'],
    ["a bundler's export list", 'function compute({ unit }) { return unit * 2 + 1 }\nexport {\n  compute as default\n};\n'],
    [
      'a module whose names are those of browser globals',
      'const origin = 1, Worker = 2\nexport default ({ unit }) => unit * Worker + origin'
    ]
  ])('takes %s', (_, text) => {
    expect(run(text)).toBe(5)
  })

  it('takes an async function and runs it in strict mode', async () => {
    await expect(run('export default async function () { return this === undefined }')).resolves.toBe(true)
  })

  it('keeps the line of every statement', () => {
    const text = '// one\nexport default () => {\n  throw new Error("here")\n}'
    expect(moduleToScript(text).split('\n')[2]).toContain('throw new Error')
  })

  it.each([
    ['no export', 'function compute() {}', 1, 'no line'],
    ['two exports', 'export default 1\nexport default 2', 2, 'more than one'],
    ['another export', 'const a = 1\nexport const b = 2', 2, 'neither'],
    ['an import', 'const a = 1\nimport x from "y"\nexport default 1', 2, 'imports'],
    ['an export list in the middle', 'const a = 1\nexport { a as default }\nconst b = 1', 2, 'not at the end']
  ])('refuses %s with its line', (_, text, line, words) => {
    const error = refusal(text)
    expect(error.code).toBe('KERNEL_EXPORT')
    expect(error.detail).toContain(words)
    expect(error.place?.line).toBe(line)
  })
})
