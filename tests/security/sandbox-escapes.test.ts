import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { canHavePrivateNetwork, startInPrivateNetwork } from '../harness/private-network.ts'
import { startNode } from '../harness/process.ts'
import type { AttackReport, RunName } from './parts/sandbox/attack-report.ts'
import { LITERAL_ICE, WINDOW_ATTACKS } from './parts/sandbox/window-attacks.ts'
import { WORKER_ATTACKS } from './parts/sandbox/worker-attacks.ts'

const CHILD = fileURLToPath(new URL('parts/sandbox/attack-child.ts', import.meta.url))
const isPrivate = canHavePrivateNetwork()
const detectors = isPrivate
  ? 'HTTP, WebSocket, DNS and UDP canaries, and packets counted'
  : 'HTTP and WebSocket canaries on loopback; without root the DNS listener, ICE to other addresses and the packet counter are off'

/**
 * Names looked up by a window that only Connection-Allowlist stops: Chromium resolves the host of a navigation before it applies `frame-src`,
 * and no other header holds that back (X-DNS-Prefetch-Control does not). Job code has no window.
 */
const LOOKED_UP = isPrivate ? ['dns anchor-download', 'dns iframe', 'dns navigate', 'dns navigate-refresh'] : []
/** The same, of the constructor that the host script removes from the shipped document. */
const WEBRTC = isPrivate ? ['dns rtc-stun', 'dns rtc-turn', 'udp rtc-stun', 'udp rtc-turn'] : []

function attacksOf(fired: readonly string[]): Set<string> {
  return new Set(fired.map((hit) => hit.split(' ')[1] ?? ''))
}

describe(`the sandbox's policies, prelude and host script against 109 attacks (${detectors})`, () => {
  let report: AttackReport

  beforeAll(async () => {
    const running = isPrivate ? startInPrivateNetwork(CHILD, ['private']) : startNode(CHILD, ['open'], {}, { stdin: true })
    const { stdout, stderr } = await running.ended
    if (!stdout.startsWith('{')) throw new Error(`The attacks did not run: ${stderr}`)
    report = JSON.parse(stdout) as AttackReport
  }, 60_000)

  /** `left`: what gets out where the browser does not know Connection-Allowlist. */
  function expectQuiet(run: RunName, left: readonly string[] = []): void {
    const { fired, packets } = report.runs[run]
    expect(fired.toSorted()).toEqual(report.enforcesAllowlist ? [] : left)
    if (isPrivate) expect(packets).toBe(0)
  }

  it('has the attacks of the threat model', () => {
    expect([WORKER_ATTACKS.length, WINDOW_ATTACKS.length]).toEqual([47, 62])
  })

  it('is what SandboxFrame makes', () => {
    expect(report.attributes).toEqual([
      'sandbox=allow-scripts',
      'referrerpolicy=no-referrer',
      'title=Sandbox for volunteer computing',
      'hidden=',
      expect.stringMatching(/^src=http:\/\/127\.0\.0\.1:\d+\/sandbox\.html$/)
    ])
  })

  it('lets nothing out of a job, and gives it nothing', () => {
    expectQuiet('job')
    expect(report.runs.job.held).toEqual([])
    expect(report.broadcasts).toBe(0)
  })

  it('lets nothing out of a worker without the prelude, which only hides what tells volunteers apart and the way to more workers', () => {
    expectQuiet('worker')
    expect(report.runs.worker.held).toEqual(['worker-fifty', 'fingerprint', 'clock'])
  })

  it("lets nothing out of the frame's own window but, in a browser without Connection-Allowlist, host names of navigations", () => {
    expectQuiet('window', LOOKED_UP)
    expect(report.runs.window.held).toEqual([])
  })

  it('lets nothing out by its headers alone but ICE checks to an address in digits, and without Connection-Allowlist names and WebRTC', () => {
    const { fired, held } = report.runs.policies
    const withoutDigits = fired.filter((hit) => hit !== `udp ${LITERAL_ICE}`).toSorted()
    expect(withoutDigits).toEqual(report.enforcesAllowlist ? [] : [...LOOKED_UP, ...WEBRTC])
    expect(held).toEqual([])
  })

  it('would see it: most attacks reach a canary from a frame without policies', () => {
    const worker = attacksOf(report.runs['control-worker'].fired)
    const window = attacksOf(report.runs['control-window'].fired)
    expect(worker.size + window.size).toBeGreaterThanOrEqual(38)
    for (const name of ['fetch', 'websocket', 'eventsource', 'import', 'worker-data', 'eval']) expect(worker).toContain(name)
    for (const name of [
      'fetch',
      'websocket',
      'img',
      'iframe',
      'navigate',
      'anchor-download',
      ...(isPrivate ? ['rtc-stun', LITERAL_ICE] : [])
    ])
      expect(window).toContain(name)
  })
})
