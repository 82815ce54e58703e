import { expect, it } from 'vitest'
import { buildProgram } from './program.ts'
import { keysLast } from './keys-last.ts'
import { createTerminal } from './output/terminal.ts'

const KEY = '-bcdefghijklmnopqrstuvwxyzabcdefghijklmnopq'

it('a key that begins with a dash is no option', () => {
  expect(keysLast(['why', KEY, '--json'])).toEqual(['why', '--json', '--', KEY])
  expect(keysLast(['researchers', 'approve', KEY.slice(0, 8), '--token', 't'])).toEqual([
    'researchers',
    'approve',
    '--token',
    't',
    '--',
    KEY.slice(0, 8)
  ])
})

it.each([
  [['show', 'n-queens', '--unit', '5', '-w']],
  [['submit', 'n-queens', '-p', 'n=9', '-pk=100000']],
  [['ledger', 'verify', '--root', KEY]],
  [['why', '--', KEY, '--json']]
])('%j stays as it is', (argv) => {
  expect(keysLast(argv)).toBe(argv)
})

it('no option of any command is written like the beginning of a key', () => {
  const program = buildProgram({ terminal: createTerminal(process), env: {}, signal: new AbortController().signal })
  const all = [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]
  const flags = all.flatMap(({ options }) => options.flatMap(({ short }) => short ?? []))
  expect(flags.length).toBeGreaterThan(3)
  for (const flag of flags) expect(keysLast(['why', flag])).toEqual(['why', flag])
})
