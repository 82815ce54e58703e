/** `net doctor` as a person runs it: against a whole coordinator, against one whose proxy swallows WebSockets, against nobody. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { serve, type RunningServer } from '@peercompute/relay-coordinator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCli, startCli } from '../harness/index.ts'

let home: string
let server: RunningServer

const answerSchema = z.object({
  ok: z.boolean(),
  checks: z.array(
    z.object({
      name: z.string(),
      state: z.enum(['ok', 'failed', 'skipped']),
      sentence: z.string(),
      remedy: z.string(),
      measured: z.record(z.string(), z.number())
    })
  )
})

const env = (): Record<string, string> => ({ XDG_CONFIG_HOME: join(home, 'config'), PEERCOMPUTE_COORDINATOR: server.url })
const relay = (): string => server.addresses[0] ?? ''
async function doctor(...args: readonly string[]) {
  const { code, stdout } = await runCli(['net', 'doctor', '--wait', '1', '--json', ...args], env())
  const { ok, checks } = answerSchema.parse(JSON.parse(stdout))
  return { code, ok, states: Object.fromEntries(checks.map(({ name, state }) => [name, state])), checks }
}

/** Answers HTTP like the coordinator, and refuses every upgrade, as some proxies do. */
async function startDeafProxy(): Promise<{ readonly url: string; readonly proxy: Server }> {
  const proxy = createServer((request, response) => {
    void (async () => {
      const answer = await fetch(`${server.url}${request.url ?? '/'}`)
      const info = (await answer.text()).replaceAll(`/tcp/${new URL(server.url).port}/`, `/tcp/${portOf(proxy)}/`)
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(info)
    })()
  })
  proxy.on('upgrade', (_request, socket) => {
    socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n')
  })
  await new Promise<void>((resolve) => {
    proxy.listen(0, '127.0.0.1', resolve)
  })
  return { url: `http://127.0.0.1:${portOf(proxy)}`, proxy }
}
const portOf = (listening: Server): number => (listening.address() as AddressInfo).port

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'peercompute-doctor-'))
  server = await serve({ port: 0, dataDir: join(home, 'coordinator') })
})
afterAll(async () => {
  await server.close()
  await rm(home, { recursive: true, force: true })
})

test('every step of the way holds against a whole coordinator, and it pins nothing', async () => {
  const { code, ok, states, checks } = await doctor()
  expect({ code, ok }, JSON.stringify(checks)).toEqual({ code: 0, ok: true })
  expect(states).toEqual({
    coordinator: 'ok',
    root: 'ok',
    websocket: 'ok',
    relay: 'ok',
    reservation: 'ok',
    webrtc: 'ok',
    discovery: 'ok',
    direct: 'ok',
    gossip: 'ok',
    ledger: 'ok',
    'round trip': 'ok'
  })
  expect(checks.find(({ name }) => name === 'round trip')?.measured['ms']).toBeGreaterThan(0)
  expect(checks.find(({ name }) => name === 'root')?.sentence).toContain('Nothing was pinned before')
  const again = await doctor()
  expect(again.checks.find(({ name }) => name === 'root')?.sentence).toContain('Nothing was pinned before')
})

test('a person reads a line for each step, and a relay alone can be asked', async () => {
  const { code, stdout, stderr } = await runCli(['net', 'doctor', '--wait', '1', '--relay', relay()], env())
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('Everything that was tried works.') })
  expect(stdout).toMatch(/^ok {2}websocket +A WebSocket to ws:\/\/127\.0\.0\.1:\d+\/ opens in/m)
  expect(stdout).not.toContain('coordinator ')
})

test('a proxy that lets no WebSocket through is named, with what to do', async () => {
  const { url, proxy } = await startDeafProxy()
  try {
    const { code, ok, states, checks } = await doctor('--coordinator', url)
    expect({ code, ok }).toEqual({ code: 6, ok: false })
    expect(states).toMatchObject({ coordinator: 'ok', root: 'ok', websocket: 'failed', relay: 'failed' })
    expect(states).not.toHaveProperty('gossip')
    expect(checks.find(({ name }) => name === 'websocket')?.remedy).toContain('Upgrade: websocket')
  } finally {
    proxy.closeAllConnections()
    proxy.close()
  }
})

test('a coordinator that is not there is exit code 6, and says where to look', async () => {
  const { proxy } = await startDeafProxy()
  const port = portOf(proxy)
  await new Promise((resolve) => {
    proxy.close(resolve)
  })
  const { code, stdout, stderr } = await runCli(['net', 'doctor', '--coordinator', `http://127.0.0.1:${port}`], env())
  expect(code).toBe(6)
  expect(stdout).toMatch(/^✗ +coordinator +http:\/\/127\.0\.0\.1:\d+: .+\n +Is it running/)
  expect(stderr).toContain('COORDINATOR_UNREACHABLE')
})

test('another root than the pinned one is a failure', async () => {
  const config = join(home, 'pinned')
  const pinned = { ...env(), XDG_CONFIG_HOME: config }
  const { mkdir, writeFile } = await import('node:fs/promises')
  await mkdir(join(config, 'peercompute'), { recursive: true })
  await writeFile(join(config, 'peercompute', 'pins.json'), JSON.stringify({ [server.url]: 'A'.repeat(43) }))
  const { code, stdout } = await runCli(['net', 'doctor', '--wait', '0'], pinned)
  expect(code).toBe(6)
  expect(stdout).toMatch(/^✗ +root +It shows the root .+; pinned is AAA/m)
})

test('a wrong address is wrong use, and Ctrl-C ends it at once', async () => {
  expect((await runCli(['net', 'doctor', '--relay', 'lab.example'], env())).code).toBe(2)
  const running = startCli(['net', 'doctor', '--wait', '600'], env())
  await running.line(/^ok +webrtc/m)
  const started = performance.now()
  expect(await running.end('SIGINT')).toBe(130)
  expect(performance.now() - started).toBeLessThan(5_000)
})
