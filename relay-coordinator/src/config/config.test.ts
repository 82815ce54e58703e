import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { openDataFolder } from './data-folder.ts'
import { localOrigins } from './origins.ts'
import { readServeConfig } from './serve-config.ts'

describe('settings', () => {
  it('have defaults that open nothing to the network, and flags win over the environment', () => {
    expect(readServeConfig({ dataDir: '/data' })).toEqual({ port: 8400, host: '127.0.0.1', dataDir: '/data', trustProxy: [] })
    const environment = {
      PEERCOMPUTE_PORT: '9000',
      PEERCOMPUTE_DATA: '/from-env',
      PEERCOMPUTE_TRUST_PROXY: '10.0.0.0/8, ::1',
      PEERCOMPUTE_HOST: ''
    }
    expect(readServeConfig({ port: 0, dataDir: undefined }, environment)).toEqual({
      port: 0,
      host: '127.0.0.1',
      dataDir: '/from-env',
      trustProxy: ['10.0.0.0/8', '::1']
    })
  })

  it.each([
    [{ dataDir: '/d', port: 70_000 }, {}, 'port'],
    [{ dataDir: '/d' }, { PEERCOMPUTE_PORT: 'http' }, 'port'],
    [{}, {}, 'dataDir'],
    [{ dataDir: '/d', publicUrl: 'ftp://lab.example' }, {}, 'publicUrl'],
    [{ dataDir: '/d', publicUrl: 'https://lab.example/path' }, {}, 'publicUrl'],
    [{ dataDir: '/d', trustProxy: ['all'] }, {}, 'trustProxy'],
    [{ dataDir: '/d', trustProxy: ['10.0.0.0/99'] }, {}, 'trustProxy']
  ])('are refused by name: %j %j', (flags, environment, path) => {
    expect(() => readServeConfig(flags, environment)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', place: { path } }))
  })

  it('lead to the origins under which others find the server', () => {
    expect(localOrigins('localhost', 8787)).toEqual(['http://127.0.0.1:8787'])
    expect(localOrigins('::1', 8787)).toEqual(['http://[::1]:8787'])
    expect(localOrigins('0.0.0.0', 1)[0]).toBe('http://127.0.0.1:1')
  })
})

describe('the data folder', () => {
  it('is made when it is missing, and belongs to one coordinator at a time', async () => {
    await using temporary = await temporaryFolder()
    const path = join(temporary.path, 'a', 'b')
    const first = await openDataFolder(path)
    await expect(openDataFolder(path)).rejects.toMatchObject({
      code: 'DATA_FOLDER_LOCKED',
      detail: expect.stringContaining(`process ${process.pid}`)
    })
    await first.release()
    await first.release()
    await (await openDataFolder(path)).release()
  })

  it('cannot be a file, nor lie below one', async () => {
    await using temporary = await temporaryFolder()
    const file = join(temporary.path, 'file')
    await writeFile(file, '')
    for (const path of [file, join(file, 'below')])
      await expect(openDataFolder(path)).rejects.toMatchObject({ code: 'DATA_FOLDER_UNWRITABLE' })
  })

  // Root may write anywhere, so the permission itself can be tested only by somebody else.
  it('must be writable', async () => {
    await using temporary = await temporaryFolder()
    // Below a file nobody can write, root included.
    const file = join(temporary.path, 'file')
    await writeFile(file, '')
    await expect(openDataFolder(join(file, 'data'))).rejects.toMatchObject({ code: 'DATA_FOLDER_UNWRITABLE' })
  })

  it('is free again when the process that held it was killed', async () => {
    await using temporary = await temporaryFolder()
    const holder = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `
      import { openDataFolder } from ${JSON.stringify(new URL('./data-folder.ts', import.meta.url).href)}
      await openDataFolder(${JSON.stringify(temporary.path)})
      console.log('held')
      setInterval(() => undefined, 1_000)
    `
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] }
    )
    await once(holder.stdout, 'data')
    await expect(openDataFolder(temporary.path)).rejects.toMatchObject({
      code: 'DATA_FOLDER_LOCKED',
      detail: expect.stringContaining(`process ${holder.pid ?? ''}`)
    })
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    await (await openDataFolder(temporary.path)).release()
  })
})
