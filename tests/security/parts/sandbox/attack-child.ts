/** Attacks the sandbox in Chromium and prints what the canaries heard, as one JSON line. Argument: `private`, in a network of its own, or `open`. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { appPageCsp, FRAME_SANDBOX, sandboxDocument } from '@peercompute/worker-client/sandbox'
import type { FrameBox } from '@peercompute/worker-client/testing/frame-page'
import type { Frame, Page } from 'playwright-core'
import { launchChromium, openPage } from '../../../harness/browser.ts'
import { bundlePage, PAGE_SCRIPT } from '../../../harness/bundle-page.ts'
import { CANARY_ZONE, startCanaries } from '../../../harness/canaries.ts'
import { packetsSent, PRIVATE_ADDRESS } from '../../../harness/private-network.ts'
import { until } from '../../../harness/until.ts'
import type { AttackReport, RunName } from './attack-report.ts'
import { volley, type Attack, type Target } from './attack.ts'
import { WINDOW_ATTACKS, WINDOW_SHORTHAND } from './window-attacks.ts'
import { HOISTING_ATTACKS, WORKER_ATTACKS } from './worker-attacks.ts'

declare const frameBox: FrameBox

/** An attack that neither fails nor succeeds within this time holds nothing. */
const PATIENCE_MS = 2_000
/** When the slowest attacks of the control run have fired, what left the sandbox before has arrived too. */
const SLOWEST = process.argv[2] === 'private' ? ['udp rtc-literal', 'dns rtc-stun', 'dns rtc-turn', 'http css-font'] : ['http css-font']
const CONTROL_MS = 12_000

const isPrivate = process.argv[2] === 'private'
const address = isPrivate ? PRIVATE_ADDRESS : '127.0.0.1'
process.stdin.on('end', () => process.exit(1)).resume()

const canaries = await startCanaries(address, { dns: isPrivate })
const shipped = sandboxDocument()
const allowlist = shipped.headers['Connection-Allowlist']
if (allowlist === undefined) throw new Error('The sandbox document has no Connection-Allowlist')
const scripts = await bundlePage('@peercompute/worker-client/testing/frame-page')
const appHeard = new Set<string>()
let origin = ''
const app = createServer((request, response) => {
  const url = request.url ?? ''
  const html = (body: string, headers: Readonly<Record<string, string>>) => {
    response.writeHead(200, { 'Content-Type': 'text/html', ...headers }).end(`<!doctype html><title>App</title><body>${body}`)
  }
  if (url === '/sandbox.html') response.writeHead(200, shipped.headers).end(shipped.html)
  // Its own inline script is refused by its policy, so that nothing of ours stands in the way of an attack.
  else if (url === '/policies.html') html('<p>Policies only</p>', shipped.headers)
  else if (url === '/control.html') html('<p>No policy</p>', {})
  else if (url === '/allowlist.html') html('<p>An allowlist only</p>', { 'Connection-Allowlist': allowlist })
  else if (url === '/') html(`<script type="module" src="${PAGE_SCRIPT}"></script>`, { 'Content-Security-Policy': appPageCsp(origin) })
  else if (url === '/control') html('', {})
  else if (url === '/policies') html('', { 'Content-Security-Policy': appPageCsp(origin).replace('/sandbox.html', '/policies.html') })
  else {
    const script = scripts.get(url)
    if (script === undefined) appHeard.add(`app ${url.slice(1)}`)
    response.writeHead(script === undefined ? 404 : 200, { 'Content-Type': 'text/javascript' }).end(script ?? '')
  }
})
app.listen(0, '127.0.0.1')
await new Promise((resolve) => app.once('listening', resolve))
origin = `http://127.0.0.1:${(app.address() as AddressInfo).port}`
const browser = await launchChromium(isPrivate ? [] : [`--host-resolver-rules=MAP *.${CANARY_ZONE} ${address}`])

async function targetOf(run: RunName, attack: Attack): Promise<Target> {
  const name = `${attack.name}--${run}`
  const host = `${name}.${CANARY_ZONE}`
  const at = `${host}:${canaries.httpPort}`
  return { name, host, http: `http://${at}/x`, ws: `ws://${at}/x`, udp: await canaries.udp(name), address, app: origin }
}
function targetsOf(run: RunName, attacks: readonly Attack[]): Promise<Target[]> {
  return Promise.all(attacks.map((attack) => targetOf(run, attack)))
}
/** Names of the attacks that got hold of something. */
function heldOf(attacks: readonly Attack[], held: readonly unknown[]): string[] {
  return attacks.filter((_, index) => held[index] === true || held[index] === 1).map(({ name }) => name)
}

async function open(path: string): Promise<Page> {
  return (await openPage(await browser.newContext(), origin + path)).page
}
/** An iframe as SandboxFrame makes it, with another document in it. */
async function frameIn(page: Page, path: string): Promise<Frame> {
  const handle = await page.evaluateHandle(
    ([src, rules]): Promise<HTMLIFrameElement> =>
      new Promise<HTMLIFrameElement>((resolve) => {
        const element = document.createElement('iframe')
        element.setAttribute('sandbox', rules)
        element.referrerPolicy = 'no-referrer'
        element.onload = () => {
          resolve(element)
        }
        element.src = src
        document.body.append(element)
      }),
    [path, FRAME_SANDBOX] as const
  )
  const frame = await handle.contentFrame()
  if (frame === null) throw new Error(`${path} has no frame`)
  return frame
}

/** All attacks of a window; those that end their document in frames of their own. */
async function attackWindow(run: RunName, page: Page, path: string): Promise<string[]> {
  const groups = [WINDOW_ATTACKS.filter(({ alone }) => !alone), ...WINDOW_ATTACKS.filter(({ alone }) => alone).map((attack) => [attack])]
  const held = await Promise.all(
    groups.map(async (attacks) => {
      const frame = await frameIn(page, path)
      const script = `(() => { ${WINDOW_SHORTHAND}\nreturn ${volley(attacks, await targetsOf(run, attacks), PATIENCE_MS)} })()`
      // A frame that has gone elsewhere answers nothing.
      return heldOf(attacks, await frame.evaluate<boolean[]>(script).catch(() => []))
    })
  )
  return held.flat()
}
/** All attacks of a worker without our prelude: the policies alone. */
async function attackWorker(run: RunName, frame: Frame): Promise<string[]> {
  const script = `${volley(WORKER_ATTACKS, await targetsOf(run, WORKER_ATTACKS), PATIENCE_MS)}.then(postMessage)`
  const held = await frame.evaluate(
    (source) =>
      new Promise<boolean[]>((resolve) => {
        const worker = new Worker(`data:text/javascript;charset=utf-8,${encodeURIComponent(source)}`)
        worker.onmessage = ({ data }: MessageEvent<boolean[]>) => {
          resolve(data)
        }
      }),
    script
  )
  return heldOf(WORKER_ATTACKS, held)
}
/** All attacks as a job: our prelude, SandboxFrame, ComputeWorker. */
async function attackAsJob(page: Page): Promise<string[]> {
  const count = WORKER_ATTACKS.length
  const shots = volley(WORKER_ATTACKS, await targetsOf('job', WORKER_ATTACKS), PATIENCE_MS)
  const [outcome] = await page.evaluate(
    ([js, length]) => frameBox.run({ js, outputs: [{ name: 'value', type: 'u32', shape: [length] }] }, 0, 1),
    [`export default async () => ({ value: Uint32Array.from(await ${shots}) })`, count] as const
  )
  if (outcome === undefined || !('value' in outcome)) throw new Error(`The attacks did not run as a job: ${JSON.stringify(outcome)}`)
  return heldOf(WORKER_ATTACKS, outcome.value)
}
/** Programs that leave the function which a job's module is wrapped in, and declare names where the prelude runs. */
async function attackByHoisting(page: Page): Promise<string[]> {
  const targets = await targetsOf('job', HOISTING_ATTACKS)
  const held = await Promise.all(
    HOISTING_ATTACKS.map(async ({ name, body }, index) => {
      const target = JSON.stringify(targets[index]?.http)
      const kernel = `export default () => { let got = 0; try { new Worker('data:,'); got = 1 } catch {} try { fetch(${target}); got = 1 } catch {} return { value: new Uint32Array([got]) } }`
      const js = `})();\n${body}\nglobalThis.peercomputeKernel = (() => {\n${kernel}`
      const [outcome] = await page.evaluate((text) => frameBox.run({ js: text }, 0, 1), js)
      return outcome !== undefined && 'value' in outcome && outcome.value[0] === 1 ? name : null
    })
  )
  return held.filter((name) => name !== null)
}

/** A browser without the header fetches what it forbids; one that has it rejects at once. */
async function enforcesAllowlist(): Promise<boolean> {
  const probe = await open('/allowlist.html')
  return probe.evaluate(
    (url) =>
      fetch(url, { mode: 'no-cors' }).then(
        () => false,
        () => true
      ),
    `http://allowlist.${CANARY_ZONE}:${canaries.httpPort}/allowlist`
  )
}

const held = new Map<RunName, readonly string[]>()
const packets = new Map<RunName, number | null>()
async function attack(run: RunName, attacks: () => Promise<string[]>): Promise<void> {
  const before = isPrivate ? packetsSent() : null
  held.set(run, await attacks())
  packets.set(run, before === null ? null : packetsSent() - before)
}
function fired(run: RunName): string[] {
  const end = `--${run}`
  return [...canaries.heard, ...appHeard].filter((hit) => hit.endsWith(end)).map((hit) => hit.slice(0, -end.length))
}

const page = await open('/')
await page.waitForFunction(() => 'frameBox' in globalThis)
await page.evaluate(() => {
  const got: unknown[] = []
  new BroadcastChannel('app').onmessage = ({ data }) => {
    got.push(data)
  }
  Object.assign(globalThis, { broadcasts: got })
})
await attack('job', async () => [...(await attackAsJob(page)), ...(await attackByHoisting(page))])
// The frame that the job has just run in.
const attributes = await page.evaluate(() =>
  [...(document.querySelector('iframe')?.attributes ?? [])].map(({ name, value }) => `${name}=${value}`)
)
await attack('worker', async () => attackWorker('worker', await frameIn(page, '/sandbox.html')))
await attack('window', () => attackWindow('window', page, '/sandbox.html'))
const policies = await open('/policies')
await attack('policies', () => attackWindow('policies', policies, '/policies.html'))
const broadcasts = await page.evaluate(() => Reflect.get(globalThis, 'broadcasts') as unknown[])

const control = await open('/control')
await attack('control-worker', async () => attackWorker('control-worker', await frameIn(control, '/control.html')))
await attack('control-window', () => attackWindow('control-window', control, '/control.html'))
await until(
  'the slowest attacks of the control run',
  () => SLOWEST.every((hit) => fired('control-window').includes(hit)),
  CONTROL_MS
).catch(() => undefined)

const runOf = (run: RunName) => ({ fired: fired(run), held: held.get(run) ?? [], packets: packets.get(run) ?? null })
const runs = {
  job: runOf('job'),
  worker: runOf('worker'),
  window: runOf('window'),
  policies: runOf('policies'),
  'control-worker': runOf('control-worker'),
  'control-window': runOf('control-window')
}
const enforced = await enforcesAllowlist()
process.stdout.write(
  `${JSON.stringify({ enforcesAllowlist: enforced, runs, broadcasts: broadcasts.length, attributes } satisfies AttackReport)}\n`
)
await browser.close()
canaries.close()
app.close()
process.exit(0)
