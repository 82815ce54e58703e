import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { builtProgram } from './built.mjs'

let folder: string
const asUrl = (): URL => pathToFileURL(`${folder}/`)
const found = (): string | null => builtProgram(asUrl(), asUrl())

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peercompute-built-'))
  for (const path of ['one.ts', 'two.ts']) writeFileSync(join(folder, path), 'export {}')
  const sources = ['one.ts', 'two.ts'].map((path) => {
    const { mtimeMs, size } = statSync(join(folder, path))
    return { path, mtimeMs, size }
  })
  writeFileSync(join(folder, 'sources.json'), JSON.stringify(sources))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

it('is the bundle while no source has changed', () => {
  expect(found()).toBe(new URL('program.js', asUrl()).href)
})

it('is not the bundle after a source has changed', () => {
  writeFileSync(join(folder, 'two.ts'), 'export const changed = true')
  expect(found()).toBeNull()
})

it('is not the bundle after a source is gone', () => {
  rmSync(join(folder, 'one.ts'))
  expect(found()).toBeNull()
})

it('is not the bundle where nothing was built, or not to the end', () => {
  rmSync(join(folder, 'sources.json'))
  expect(found()).toBeNull()
  writeFileSync(join(folder, 'sources.json'), '[{"path":')
  expect(found()).toBeNull()
})
