/** Scripts in every text that a stranger can store, and then every page in Chromium: they are shown as text and run nowhere. */
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { coordinatorInfoSchema, signReport, type JobId } from '@peercompute/job-specs'
import { createHttpWorkChannel, createIdentity, openWorkSession, systemClock } from '@peercompute/worker-client/node'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchChromium, startServer, until, type TestServer } from '../harness/index.ts'
import { ownJob, publish } from '../integration/parts/publish.ts'

let server: TestServer
let browser: Browser
let canary: Server
let called: string
let job: JobId
let blob: string
const heard: string[] = []

/** Each calls the listener and leaves a mark; the first two fit where only 64 characters do. */
const payloads = (): readonly string[] => [
  `<img src=${called}/a onerror=parent.owned=1>`,
  `<script src=${called}/b></script>`,
  `"><svg onload="fetch('${called}/c');window.owned=1">`,
  `<iframe srcdoc="<script>top.owned=1;fetch('${called}/d')</script>"></iframe>`,
  `[link](javascript:window.owned=1) ![image](${called}/e) <a href="javascript:window.owned=1" autofocus onfocus=window.owned=1>x</a>`,
  `{@html "<img src=${called}/f>"} {{constructor.constructor("window.owned=1")()}} \${window.owned=1}`,
  `<style>@import url(${called}/g)</style><link rel=stylesheet href=${called}/h><base href=${called}>`,
  `<meta http-equiv=refresh content="0;url=${called}/i"><object data=${called}/j></object>`
]

beforeAll(async () => {
  canary = createServer((request, response) => {
    heard.push(request.url ?? '')
    response.end()
  }).listen(0, '127.0.0.1')
  await once(canary, 'listening')
  called = `http://127.0.0.1:${(canary.address() as AddressInfo).port}`
  ;[server, browser] = await Promise.all([startServer(), launchChromium()])
  const all = payloads().join(' ')
  const [image = '', script = ''] = payloads()
  const program = ownJob(
    'planted',
    { js: `export default () => ({})\n// </script></code></ol>${all}` },
    {
      title: script + image,
      description: all.slice(0, 4_000),
      researcher: all.slice(0, 200),
      view: { kind: 'surface', output: 'y', columns: 2, x: { label: image, from: 0, to: 1 }, y: { label: script, from: 0, to: 1 } }
    }
  )
  ;({ id: job } = await publish(server.url, program))
  blob = [...program.blobs.keys()][0] ?? ''
  await failWith(image, all.slice(0, 2_000))
})
afterAll(async () => {
  await browser.close()
  await server.stop()
  canary.close()
})

/** A host with such a name, at whose failure the page of the job quotes what it said. */
async function failWith(label: string, message: string): Promise<void> {
  const { root } = coordinatorInfoSchema.parse(await server.get('/api/v1/coordinator'))
  const identity = await createIdentity({ label: label.slice(0, 64), now: Date.now(), extractableHost: true })
  const session = await openWorkSession({
    channel: createHttpWorkChannel({ coordinator: server.url, fetch: globalThis.fetch }),
    identity,
    host: {
      agent: label,
      memoryBytes: 0,
      executors: [
        {
          kind: 'js',
          slots: 1,
          numericClass: 'test',
          probeVersion: 1,
          features: [label.slice(0, 64)],
          software: false,
          operationsPerSecond: 0
        }
      ]
    },
    pinnedRoot: root,
    clock: systemClock,
    onStop: () => undefined,
    onNudge: () => undefined
  })
  const { leases } = await session.ask({ executor: 'js', units: 1, seconds: 0, knownJobs: [] })
  const [lease] = leases
  if (lease === undefined) throw new Error('no work for the host that fails')
  const report = await signReport(identity.host, {
    v: 1,
    job: lease.job,
    epoch: lease.epoch,
    host: identity.certificate.host,
    executor: 'js',
    numericClass: 'test',
    probeVersion: 1,
    ts: Date.now(),
    units: [{ outcome: 'failure', unit: lease.start, reason: 'runtime_error', message, computeMs: 1 }]
  })
  await session.report(report, new Uint8Array(0))
  await until('the failure', async () => (await server.job(lease.job)).failures.length > 0)
}

it('every page shows them as text: no script runs, no dialog opens, nobody outside is asked', async () => {
  const context = await browser.newContext()
  const page = await context.newPage()
  const dialogs: string[] = []
  const strangers: string[] = []
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message())
    void dialog.dismiss()
  })
  context.on('request', (request) => {
    if (!request.url().startsWith(server.url) && !/^(data|blob):/.test(request.url())) strangers.push(request.url())
  })
  const paths: readonly (readonly [string, string])[] = [
    ['/', '<script src='],
    ['/jobs', '<script src='],
    [`/jobs/${job}`, 'onerror=parent.owned=1'],
    [`/submit?clone=${job}`, ''],
    ['/fleet', '<img src='],
    ['/network', ''],
    [`/code/${blob}`, '</script></code></ol>']
  ]
  for (const [path, shown] of paths) {
    await page.goto(`${server.url}/#${path}`)
    await page.getByRole('heading', { level: 1 }).first().waitFor()
    if (shown !== '') await page.getByText(shown, { exact: false }).first().waitFor({ state: 'attached' })
    expect(await page.locator('[onerror], [onload], [onfocus], script[src^="http"], iframe[srcdoc], base').count(), path).toBe(0)
    expect(await page.evaluate(() => Reflect.get(globalThis, 'owned') as unknown), path).toBeUndefined()
  }
  // What is served raw is neither a page nor sniffed into one.
  const raw = await context.newPage()
  for (const path of [`/api/v1/jobs/${job}`, `/api/v1/jobs/${job}/spec`, '/api/v1/hosts', `/api/v1/%3Cscript%3Ealert(1)%3C/script%3E`]) {
    const answer = await raw.goto(server.url + path)
    expect(answer?.headers()['content-type'], path).toMatch(/json/)
    expect(answer?.headers()['x-content-type-options'], path).toBe('nosniff')
  }
  const download = await fetch(`${server.url}/api/v1/blobs/${blob}`)
  expect([download.headers.get('content-type'), download.headers.get('content-security-policy')]).toEqual([
    'application/octet-stream',
    "default-src 'none'; sandbox"
  ])
  expect(download.headers.get('content-disposition')).toMatch(/^attachment; filename="[0-9a-f]{64}"$/)
  expect([dialogs, strangers, heard]).toEqual([[], [], []])
  await context.close()
})

it('the listener would have heard: a page that asks it is noticed', async () => {
  const page = await (await browser.newContext()).newPage()
  await page.setContent(`<img src="${called}/control">`)
  await until('the control', () => heard.includes('/control'))
  await page.context().close()
})
