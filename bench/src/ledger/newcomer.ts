/** What a million settled units of history cost somebody who comes for the first time. */
import { generateKeyPair, signSpec } from '@peercompute/job-specs'
import { specFor } from '@peercompute/kernels'
import { loadKernel } from '@peercompute/kernels/files'
import { launchChromium, until } from '@peercompute/tests'
import type { BrowserContext } from 'playwright-core'
import { medianRow, type Part } from '../bench.ts'
import { coordinatorFolder, startCoordinator, type RunningCoordinator } from '../coordinator.ts'
import type { SyncPage } from '../pages/sync-page.ts'
import { bundle, PAGE_HTML } from '../serve-page.ts'

declare const syncPage: SyncPage

const JOB_UNITS = 20_000
const SAMPLES = 5

export interface NewcomerOptions {
  readonly jobs: number
  /** Settled in one second of the coordinator's clock, thus told in one record. */
  readonly unitsPerRecord: number
  readonly targets: { readonly bytes: string | null; readonly time: string | null }
}

export function newcomer(id: string, { jobs, unitsPerRecord, targets }: NewcomerOptions): Part {
  const units = jobs * JOB_UNITS
  return {
    ids: [`${id}.bytes`, `${id}.time`],
    limitSeconds: 120 + units / unitsPerRecord / 10,
    async measure(run) {
      const files = await bundle(new URL('../pages/sync-page.ts', import.meta.url))
      const folder = coordinatorFolder(run, PAGE_HTML, files)
      const writing = await startCoordinator(run, folder, 'stepped')
      await writeJobs(writing, { jobs, unitsPerRecord, targets }, run.report)
      await writing.process.call('stop', undefined)

      const { url } = await startCoordinator(run, folder)
      const browser = await launchChromium()
      run.after(() => browser.close())
      const mebibytes: number[] = []
      const seconds: number[] = []
      for (let i = 0; i < SAMPLES; i++) {
        const context = await browser.newContext()
        const arrival = await arrive(context, `${url}/?jobs=${jobs}&units=${units}`)
        if (arrival.units !== units) throw new Error(`The newcomer counts ${arrival.units} settled units, not ${units}`)
        mebibytes.push(arrival.bytes / 2 ** 20)
        seconds.push(arrival.seconds)
        run.report(
          `${id} ${arrival.seconds.toFixed(2)} s, ${(arrival.bytes / 2 ** 20).toFixed(2)} MiB, ${arrival.records} records, ${arrival.checkpoint ? 'a' : 'no'} checkpoint`
        )
        await context.close()
      }
      return {
        rows: [medianRow(`${id}.bytes`, 'MiB', mebibytes, targets.bytes), medianRow(`${id}.time`, 's', seconds, targets.time)],
        conditions: [
          `Chromium ${browser.version()} headless`,
          `newcomer: ${jobs} jobs of ${JOB_UNITS} units, settled by the coordinator ${unitsPerRecord} in each second of its clock, so that its feed has a record for each ${unitsPerRecord}; bytes: everything that came over the WebSocket or by fetch; time: from the page's script being loaded, before anything is asked for, until the fold counts all units; a new profile each time`
        ]
      }
    }
  }
}

async function writeJobs(
  { process }: RunningCoordinator,
  { jobs, unitsPerRecord }: NewcomerOptions,
  report: (line: string) => void
): Promise<void> {
  const author = await generateKeyPair({ extractable: true })
  const { manifest, programs } = await loadKernel('n-queens')
  for (let job = 1; job <= jobs; job++) {
    const spec = specFor(manifest, { params: { n: 8 }, revision: job, verification: { quorum: 1, independence: 'host' } }, programs)
    const { settled } = await process.call('compute', {
      signed: await signSpec(author, { ...spec, unitCount: JOB_UNITS }),
      unitsPerFlush: unitsPerRecord
    })
    if (settled !== JOB_UNITS) throw new Error(`The coordinator settled ${settled} units of ${JOB_UNITS}`)
    report(`${job} of ${jobs} jobs settled`)
  }
}

interface Arrival {
  readonly bytes: number
  readonly seconds: number
  readonly units: number
  readonly records: number
  readonly checkpoint: boolean
}

/** A page in a new profile. `bytes`: received, without the page itself. */
async function arrive(context: BrowserContext, url: string): Promise<Arrival> {
  const page = await context.newPage()
  const session = await context.newCDPSession(page)
  const pageFiles = new Set<string>()
  let bytes = 0
  session.on('Network.webSocketFrameReceived', ({ response }) => {
    // binary frames come in base64
    bytes += response.opcode === 2 ? Math.floor((response.payloadData.length * 3) / 4) : response.payloadData.length
  })
  session.on('Network.requestWillBeSent', ({ requestId, type }) => {
    if (type !== 'Fetch' && type !== 'XHR') pageFiles.add(requestId)
  })
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (!pageFiles.has(requestId)) bytes += encodedDataLength
  })
  await session.send('Network.enable')
  await page.goto(url)
  const marks = await until(
    'all settled units',
    async () => {
      const known = await page.evaluate(() => ('syncPage' in globalThis ? syncPage.marks() : {}))
      return 'synced' in known ? known : null
    },
    30_000
  ).catch(async (cause: unknown) => {
    const stuck = await page.evaluate(() => ({ ...syncPage.marks(), ...syncPage.told(), ...syncPage.held() }))
    throw new Error(`The newcomer does not learn everything: ${JSON.stringify(stuck)}`, { cause })
  })
  const { units, records, checkpoint } = await page.evaluate(() => ({ ...syncPage.told(), ...syncPage.held() }))
  return { bytes, seconds: ((marks['synced'] ?? Infinity) - (marks['script'] ?? 0)) / 1_000, units, records, checkpoint }
}
