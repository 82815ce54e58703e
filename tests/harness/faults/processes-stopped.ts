/** SIGSTOP: volunteers, then the coordinator, hang for longer than a lease and go on as if nothing had been. */
import { rmSync } from 'node:fs'
import { jobsOver, startCampaign, type Judgement } from './campaign.ts'
import type { Jump } from './clocked-server.ts'
import { startVolunteerProcess } from './volunteer-process.ts'
import { lasting } from '../lasting.ts'
import type { TestServer } from '../server.ts'
import { until } from '../until.ts'

export interface ProcessesStoppedOptions {
  readonly seed: number
  readonly server: TestServer
  /** How long each fault lasts in real time, in ms. */
  readonly stoppedMs: number
  /** What is added to that on the coordinator's clock. */
  readonly jump?: { readonly by: Jump; readonly ms: number }
}

const UNITS = 300
/** What all of them do in a second, so that there is work left after both faults. */
const UNITS_PER_SECOND = 160
const EACH = 2

export async function processesStopped({
  seed,
  server,
  stoppedMs,
  jump
}: ProcessesStoppedOptions): Promise<Judgement & { readonly late: number }> {
  const campaign = await startCampaign('stopped', seed, server)
  const { submitter, history, random } = campaign
  const files = ['one', 'two'].map((name) => history.file.replace('.ndjson', `-${name}.ndjson`))
  const [first, second] = await Promise.all(
    files.map((file, index) =>
      startVolunteerProcess({
        url: server.url,
        root: server.root,
        name: `half-${index}`,
        count: EACH,
        transport: 'libp2p',
        seed: Math.floor(random() * 2 ** 32),
        history: file,
        perConnection: 1,
        unitsPerAsk: 20,
        workMs: 500
      })
    )
  )
  if (first === undefined || second === undefined) throw new Error('no volunteers')
  const fault = async (what: string, process: { freeze(): void; thaw(): void }): Promise<void> => {
    const { units } = what === 'volunteers' ? await server.job(job) : { units: null }
    history.fault(`SIGSTOP of ${what}`)
    process.freeze()
    await lasting(stoppedMs)
    if (jump !== undefined && what === 'volunteers') await jump.by(jump.ms)
    // The others go on meanwhile: these have what the stopped ones held.
    if (units !== null) await until('progress without them', async () => (await server.job(job)).units.validated > units.validated)
    process.thaw()
    if (jump !== undefined && what === 'coordinator') await jump.by(jump.ms)
  }
  const job = await submitter.submit({ unitCount: UNITS + Math.round((UNITS_PER_SECOND * stoppedMs) / 1_000) })
  try {
    await until('work in hand', async () => (await server.job(job)).units.validated > 0)
    await fault('volunteers', first.process)
    await fault('coordinator', server.process)
    await jobsOver(server, [job], 120_000)
    await Promise.all([first.drain(), second.drain()])
    const judgement = await campaign.judge({ files })
    const late = judgement.answers.get('late') ?? 0
    return { ...judgement, late }
  } finally {
    await Promise.all([first, second].map((one) => one.process.end('SIGKILL')))
    await campaign.end()
    for (const file of files) rmSync(file, { force: true })
  }
}
