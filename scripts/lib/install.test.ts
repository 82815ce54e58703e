import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { missingPackages, removeUnread } from './install.mjs'

const wanted = {
  '': { version: '0.1.0' },
  cli: { version: '0.1.0' },
  'node_modules/@peercompute/cli': { link: true },
  'node_modules/yjs': { version: '13.6.33' },
  'node_modules/vitest': { version: '5.1.1', dev: true },
  'node_modules/only-elsewhere': { version: '1.0.0', optional: true }
}
const complete = {
  'node_modules/@peercompute/cli': {},
  'node_modules/yjs': { version: '13.6.33' },
  'node_modules/vitest': { version: '5.1.1' }
}

test('nothing is missing after a full installation, on any platform', () => {
  expect(missingPackages(wanted, complete, { dev: true })).toEqual([])
})

test('development packages count only when they are asked for', () => {
  const present = { ...complete, 'node_modules/vitest': undefined }
  const { 'node_modules/vitest': _, ...production } = present
  expect(missingPackages(wanted, production, { dev: false })).toEqual([])
  expect(missingPackages(wanted, production, { dev: true })).toEqual(['node_modules/vitest'])
})

test('another version than the locked one is missing', () => {
  expect(missingPackages(wanted, { ...complete, 'node_modules/yjs': { version: '13.6.0' } }, { dev: true })).toEqual(['node_modules/yjs'])
})

test('a fresh clone lacks everything', () => {
  expect(missingPackages(wanted, {}, { dev: true })).toEqual(['node_modules/@peercompute/cli', 'node_modules/yjs', 'node_modules/vitest'])
})

test('a production installation loses what nothing reads: source maps, types and Dawn for other systems', () => {
  const folder = mkdtempSync(join(tmpdir(), 'peercompute-install-'))
  try {
    const own = `${process.platform}-${process.platform === 'darwin' ? 'universal' : process.arch}`
    const files = [
      'a/index.js',
      'a/index.js.map',
      'a/b/index.d.ts.map',
      'a/b/index.d.cts',
      'a/map',
      `webgpu/dist/${own}/dawn.node`,
      'webgpu/dist/plan9-vax/dawn.node'
    ]
    for (const file of files) {
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      writeFileSync(join(folder, file), '')
    }
    removeUnread(folder)
    const left = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    expect(left.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort()).toEqual(
      ['a/index.js', 'a/map', `webgpu/dist/${own}/dawn.node`].sort()
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
