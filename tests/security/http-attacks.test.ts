/** More than 500 hostile requests to a real coordinator: all refused, in its own words, and none of them leaves a trace. */
import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair, signSpec } from '@peercompute/job-specs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, until, type TestServer } from '../harness/index.ts'
import { publish, queensJob } from '../integration/parts/publish.ts'
import { expectRefusal } from './parts/fuzz-http.ts'
import { attackGroups, type Ground } from './parts/http-attacks.ts'
import { createRawHttp, type RawHttp } from './parts/raw-http.ts'
import { exchange, NO_HTTP, NO_UPGRADE } from './parts/raw-socket.ts'
import { residentBytes } from './parts/resident.ts'
import { treeSnapshot } from './parts/tree-snapshot.ts'

const SECRET = 'a secret beside the data folder'
const GROWTH_MAX_BYTES = 50_000_000
/** V8 lets garbage lie while there is room, and that would look like a leak. */
const TIGHT_HEAP = ['--max-old-space-size=128', '--max-semi-space-size=4']

let home: string
let dataDir: string
let server: TestServer
let http: RawHttp
let canary: Server
let ground: Ground
let before: ReadonlyMap<string, string>
const heard: string[] = []
let sent = 0

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'peercompute-attacked-'))
  dataDir = join(home, 'data')
  mkdirSync(dataDir)
  writeFileSync(join(home, 'secret.txt'), SECRET)
  canary = createServer((request, response) => {
    heard.push(request.url ?? '')
    response.end('heard')
  }).listen(0, '127.0.0.1')
  canary.on('connection', () => heard.push('a connection'))
  await once(canary, 'listening')
  server = await startServer({ dataDir, nodeArgs: TIGHT_HEAP })
  http = createRawHttp(server.port, 8)
  const job = await queensJob(6)
  const { id } = await publish(server.url, job)
  ground = {
    job: id,
    blob: [...job.blobs.keys()][0] ?? '',
    spec: job.spec,
    signed: await signSpec(await generateKeyPair({ extractable: true }), { ...job.spec, revision: 77 }),
    canary: `http://127.0.0.1:${(canary.address() as AddressInfo).port}`
  }
  before = treeSnapshot(home, dataDir)
})
afterAll(async () => {
  http.close()
  await server.stop()
  canary.close()
  rmSync(home, { recursive: true, force: true })
})

describe('a hostile request', () => {
  it('of every group is refused with a problem of the catalogue, or answered as the group says', async () => {
    const groups = attackGroups(ground)
    for (const { requests } of groups) await http.send(requests[0] ?? { path: '/' })
    const memory = residentBytes(server.process.child.pid)
    const counts: string[] = []
    for (const { name, requests, harmless, mayBeCut } of groups) {
      for (const request of requests) {
        const what = (): string => `${name}: ${request.method ?? 'GET'} ${request.path.slice(0, 200)} ${String(request.body).slice(0, 100)}`
        const answer = await http.send(request).catch((cause: unknown) => {
          if (mayBeCut === true) return null
          throw new Error(what(), { cause })
        })
        sent += 1
        if (answer === null) continue
        const text = answer.body.toString()
        if (text.includes(SECRET) || /root:.*:0:0:/.test(text)) throw new Error(`a file was read: ${what()}`)
        if (harmless?.statuses.includes(answer.status) !== true) expectRefusal(answer, what)
      }
      counts.push(`${name} ${requests.length}`)
    }
    process.stdout.write(`${sent} requests: ${counts.join(', ')}\n`)
    expect(sent).toBeGreaterThanOrEqual(500)
    expect(residentBytes(server.process.child.pid) - memory).toBeLessThan(GROWTH_MAX_BYTES)
  })

  it.each(NO_HTTP)('that is %s gets a 4xx with a problem, or a closed connection', async (_name, text) => {
    const said = await exchange(server.port, text)
    if (said === '') return
    expect(said).toMatch(/^HTTP\/1\.1 4\d\d /)
    // Node itself refuses a request without a host, or with another expectation, and says no more than the status.
    if (/^HTTP\/1\.1 4(00|17) /.test(said) && !/content-type/i.test(said)) return
    expect(said).toMatch(/content-type: application\/problem\+json/i)
    expect(said).toMatch(/"code":"[A-Z_]+"/)
  })

  it.each(NO_UPGRADE)('to upgrade %s opens no line', async (_name, text) => {
    const said = await exchange(server.port, text)
    expect(said).not.toMatch(/^HTTP\/1\.1 (101|5)/)
  })

  it('that comes a byte at a time holds nobody else up', async () => {
    const dripping = Array.from({ length: 100 }, () => connect(server.port, '127.0.0.1'))
    const ended = dripping.map((socket) =>
      once(
        socket.on('error', () => undefined),
        'close'
      )
    )
    await Promise.all(dripping.map((socket) => once(socket, 'connect')))
    const drip = setInterval(() => {
      for (const socket of dripping) socket.write('X')
    }, 100)
    for (const socket of dripping) socket.write('POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nX-')
    try {
      for (let asked = 0; asked < 20; asked++) {
        const started = performance.now()
        expect((await http.send({ path: '/api/v1/jobs' })).status).toBe(200)
        expect(performance.now() - started).toBeLessThan(1_000)
      }
    } finally {
      clearInterval(drip)
      for (const socket of dripping) socket.destroy()
      await Promise.all(ended)
    }
  })
})

describe('after all of them', () => {
  it('no file was written outside of the data folder, and no blob under a name that is not its hash', async () => {
    expect(treeSnapshot(home, dataDir)).toEqual(before)
    const blobs = join(dataDir, 'blobs')
    const stored = [...treeSnapshot(blobs, join(blobs, 'uploads'))]
    expect(stored.length).toBeGreaterThan(3)
    for (const [path, sha256] of stored) expect(path).toBe(join(sha256.slice(0, 2), sha256))
    await until('no upload lying about', () => readdirSync(join(blobs, 'uploads')).length === 0)
    expect(createHash('sha256').update(SECRET).digest('hex')).toBe(before.get('secret.txt'))
  })

  it('nobody was called at an address out of a request', () => {
    expect(heard).toEqual([])
  })

  it('the same process serves on and said nothing of faults', async () => {
    expect(server.process.child.exitCode).toBeNull()
    expect(server.process.stderr()).toBe('')
    expect(Reflect.get((await server.get('/api/v1/jobs')) as object, 'polluted')).toBeUndefined()
    const { id } = await publish(server.url, await queensJob(5))
    expect((await server.job(id)).state).toBe('running')
  })
})
