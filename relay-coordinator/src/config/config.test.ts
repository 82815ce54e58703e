import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { openDataFolder } from './data-folder.ts'
import { localOrigins } from './origins.ts'
import { readRelayConfig } from './relay-config.ts'
import { readServeConfig } from './serve-config.ts'

describe('settings', () => {
  it('have defaults that open nothing to the network, and flags win over the environment', () => {
    expect(readServeConfig({ dataDir: '/data' })).toEqual({
      port: 8400,
      host: '127.0.0.1',
      dataDir: '/data',
      trustProxy: [],
      subnetQuota: 256,
      alsoRelay: [],
      iceServers: [],
      relays: 0,
      relayUrls: [],
      openJobs: 1_000,
      openUnits: 1e13,
      subnetShare: 0.2,
      proofOfWork: 0,
      recover: false
    })
    const environment = {
      PEERCOMPUTE_PORT: '9000',
      PEERCOMPUTE_DATA: '/from-env',
      PEERCOMPUTE_TRUST_PROXY: '10.0.0.0/8, ::1',
      PEERCOMPUTE_HOST: ''
    }
    expect(readServeConfig({ port: 0, dataDir: undefined }, environment)).toMatchObject({
      port: 0,
      host: '127.0.0.1',
      dataDir: '/from-env',
      trustProxy: ['10.0.0.0/8', '::1']
    })
  })

  it('say where relay processes are reached', () => {
    const relayUrls = ['https://r1.example', 'https://r2.example']
    expect(readServeConfig({ dataDir: '/d', publicUrl: 'https://lab.example', relays: 2, relayUrls })).toMatchObject({ relayUrls })
    expect(readServeConfig({ dataDir: '/d' }, { PEERCOMPUTE_RELAYS: '3', PEERCOMPUTE_RELAY_PORT: '9000' })).toMatchObject({
      relays: 3,
      relayPort: 9000
    })
  })

  it.each([
    [{ dataDir: '/d', port: 70_000 }, {}, 'port'],
    [{ dataDir: '/d' }, { PEERCOMPUTE_RELAYS: '65' }, 'relays'],
    [{ dataDir: '/d', relays: 2, relayUrls: ['https://r1.example'] }, {}, 'relayUrls'],
    [{ dataDir: '/d', relays: 2, publicUrl: 'https://lab.example' }, {}, 'relayUrls'],
    [{ dataDir: '/d', relays: 2, publicUrl: 'http://lab.example', port: 0 }, {}, 'relayUrls'],
    [{ dataDir: '/d' }, { PEERCOMPUTE_PORT: 'http' }, 'port'],
    [{}, {}, 'dataDir'],
    [{ dataDir: '/d', publicUrl: 'ftp://lab.example' }, {}, 'publicUrl'],
    [{ dataDir: '/d', publicUrl: 'https://lab.example/path' }, {}, 'publicUrl'],
    [{ dataDir: '/d', trustProxy: ['all'] }, {}, 'trustProxy'],
    [{ dataDir: '/d', trustProxy: ['10.0.0.0/99'] }, {}, 'trustProxy'],
    [{ dataDir: '/d', subnetQuota: 0 }, {}, 'subnetQuota'],
    [{ dataDir: '/d', alsoRelay: ['https://relay.example'] }, {}, 'alsoRelay'],
    [{ dataDir: '/d', alsoRelay: ['/dns4/relay.example/tcp/443/tls/ws'] }, {}, 'alsoRelay'],
    [{ dataDir: '/d', iceServers: ['https://stun.example'] }, {}, 'iceServers'],
    [{ dataDir: '/d', iceServers: ['turn:turn.example:3478'] }, {}, 'iceServers'],
    [{ dataDir: '/d' }, { PEERCOMPUTE_RECOVER: 'perhaps' }, 'recover']
  ])('are refused by name: %j %j', (flags, environment, path) => {
    expect(() => readServeConfig(flags, environment)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', place: { path } }))
  })

  it('name further relays and ICE servers, by flag or in the environment', () => {
    const alsoRelay = ['/dns4/a.example/tcp/443/tls/ws/p2p/12D3KooWA', '/ip4/192.0.2.1/tcp/8401/ws/p2p/12D3KooWB']
    const iceServers = [
      { urls: 'stun:stun.example:3478' },
      { urls: 'turn:turn.example:3478?transport=udp', username: '1700:volunteer', credential: 'a,b=' }
    ]
    const written = ['stun:stun.example:3478', 'turn:turn.example:3478?transport=udp,1700:volunteer,a,b=']
    expect(readServeConfig({ dataDir: '/d', alsoRelay, iceServers: written })).toMatchObject({ alsoRelay, iceServers })
    const environment = {
      PEERCOMPUTE_DATA: '/d',
      PEERCOMPUTE_ALSO_RELAY: alsoRelay.join(' , '),
      PEERCOMPUTE_ICE_SERVERS: written.join('  '),
      PEERCOMPUTE_SUBNET_QUOTA: '64',
      PEERCOMPUTE_RECOVER: '1'
    }
    const config = readServeConfig({}, environment)
    expect(config).toMatchObject({ alsoRelay, iceServers, subnetQuota: 64, recover: true })
    expect(readServeConfig(config)).toEqual(config)
  })

  it('of a relay are those of listening, and whose ledger it keeps', () => {
    expect(readRelayConfig({}, { PEERCOMPUTE_DATA: '/d', PEERCOMPUTE_PORT: '0' })).toEqual({
      port: 0,
      host: '127.0.0.1',
      dataDir: '/d',
      trustProxy: [],
      subnetQuota: 256
    })
    expect(() => readRelayConfig({ dataDir: '/d', coordinatorRoot: 'me' })).toThrow(
      expect.objectContaining({ place: { path: 'coordinatorRoot' } })
    )
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

  it('is left alone by the one that is refused, whose probe could meet that of another', async () => {
    await using temporary = await temporaryFolder()
    const first = await openDataFolder(temporary.path)
    await mkdir(join(first.segments, '.write-probe'))
    await rm(first.checkpoints, { recursive: true })
    await expect(openDataFolder(temporary.path)).rejects.toMatchObject({ code: 'DATA_FOLDER_LOCKED' })
    expect(existsSync(first.checkpoints)).toBe(false)
    await first.release()
  })

  it('is not held by the one that cannot write all of it', async () => {
    await using temporary = await temporaryFolder()
    const segments = join(temporary.path, 'segments')
    await writeFile(segments, '')
    await expect(openDataFolder(temporary.path)).rejects.toMatchObject({
      code: 'DATA_FOLDER_UNWRITABLE',
      detail: expect.stringContaining(segments)
    })
    await rm(segments)
    await (await openDataFolder(temporary.path)).release()
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
