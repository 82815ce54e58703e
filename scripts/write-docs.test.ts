import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ERRORS, REASONS } from '@peercompute/job-specs'
import { expect, test } from 'vitest'
import { pages } from './write-docs.ts'

const read = (name: string) => readFileSync(join(import.meta.dirname, '..', 'docs', name), 'utf8')
const codesIn = (name: string) => [...read(name).matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code)

test.each(pages)('docs/%s is what the catalogue says (otherwise run: node scripts/write-docs.ts)', (name, page) => {
  expect(read(name)).toBe(page())
})

test('docs/ERRORS.md lists exactly the error codes', () => {
  expect(codesIn('ERRORS.md')).toEqual(Object.keys(ERRORS))
})

test('docs/ERRORS.md explains every exit code that an error has', () => {
  const explained = new Set([...read('ERRORS.md').matchAll(/^\| (\d+) \|/gm)].map(([, exit]) => Number(exit)))
  for (const { exit } of Object.values(ERRORS)) expect(explained).toContain(exit)
})

test('docs/REASONS.md lists exactly the reason codes', () => {
  expect(codesIn('REASONS.md').toSorted()).toEqual(Object.keys(REASONS).toSorted())
})
