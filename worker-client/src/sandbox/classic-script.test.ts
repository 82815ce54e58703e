import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { classicScript } from './classic-script.ts'

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
})
