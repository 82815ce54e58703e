import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { classicScript } from './classic-script.ts'
import { PackageScripts } from './package-script.ts'

function files(sources: Record<string, string>): URL {
  const folder = mkdtempSync(join(tmpdir(), 'classic-script-'))
  for (const [name, text] of Object.entries(sources)) writeFileSync(join(folder, name), text)
  return pathToFileURL(join(folder, 'main.ts'))
}

describe('classicScript', () => {
  it('puts modules before those that import them, each once, without types', () => {
    const entry = files({
      'main.ts':
        "import type { T } from './types.ts'\nimport { two } from './two.ts'\nimport { one, type U } from './one.ts'\nconst sum: T & U = one + two\nresult.push(sum)\n",
      'two.ts': "import { one } from './one.ts'\n/** A comment. */\nexport const two: number = one + one\n",
      'one.ts': 'export type U = number\nexport const one = 1\n'
    })
    const script = classicScript(entry)
    const result: number[] = []
    runInNewContext(script, { result })
    expect(result).toEqual([3])
    expect(script.match(/const one/g)).toHaveLength(1)
    expect(script).not.toContain('comment')
  })
  it('refuses a module from elsewhere', () => {
    expect(() => classicScript(files({ 'main.ts': "import { z } from 'zod'\nz()\n" }))).toThrow('it imports "zod"')
  })

  it('refuses two things of one name, of which one would silently take the place of the other', () => {
    const entry = files({
      'main.ts': "import { a } from './a.ts'\nfunction plan() {}\na(plan)\n",
      'a.ts': 'export function plan() {}\nexport const a = plan\n'
    })
    expect(() => classicScript(entry)).toThrow('"plan" is also in')
  })
  it('links the same bytes each time, and a package only by its names', () => {
    const entry = new URL('./cpu-program.ts', import.meta.url)
    expect(classicScript(entry)).toBe(classicScript(entry))
    expect(() => classicScript(files({ 'main.ts': "import * as shim from '@bjorn3/browser_wasi_shim'\nshim()\n" }))).toThrow(
      'import { names }'
    )
  })
})

describe('PackageScripts', () => {
  function run(sources: Record<string, string>): unknown {
    const packages = new PackageScripts()
    const name = packages.link(files(sources))
    return runInNewContext(`${packages.scripts.join('\n')}\nJSON.stringify(${name}, (_, value) => value?.name === 'sum' ? value() : value)`)
  }
  it('keeps the modules of a package apart and joins what they import and export', () => {
    const exported = run({
      'main.ts':
        'import A,{two as b,c}from"./a.ts";import*as all from"./a.ts";export{A};export{two}from"./a.ts";export*as more from"./b.ts";export function sum(){return A+b+c+all.two+own}const own=1;',
      'a.ts': 'const own=10;export const two=2;let c=3;\nexport {\n  c,\n  own as default\n}\n',
      'b.ts': "import { c } from './a.ts'\nexport class B {}\nexport const d = c\n"
    })
    expect(JSON.parse(String(exported))).toMatchObject({ A: 10, two: 2, more: { d: 3 }, sum: 18 })
  })
  it.each([
    ['a default export', { 'main.ts': 'export default 1' }, 'export default 1'],
    ['a module of another package', { 'main.ts': 'import"./a.ts";', 'a.ts': '' }, 'import"./a.ts"'],
    ['all of another module', { 'main.ts': 'export*from"./a.ts";', 'a.ts': '' }, 'export*from'],
    [
      'a cycle',
      { 'main.ts': 'import{a}from"./a.ts";export const b=a;', 'a.ts': 'import{b}from"./main.ts";export const a=b;' },
      'imports itself'
    ]
  ])('refuses %s', (_, sources, words) => {
    expect(() => run(sources)).toThrow(words)
  })
})
