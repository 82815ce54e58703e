/** R8: volunteers in two halves, the coordinator in one of them, and the line between them cut. */
import { jobsOver, startCampaign, type Judgement } from './campaign.ts'
import { serveHere } from './served-here.ts'
import { streamLine } from './work-line.ts'
import { createLab, type LabPeer } from '../lab.ts'
import { lasting } from '../lasting.ts'
import { startLossyTcp } from '../lossy-tcp.ts'
import { until } from '../until.ts'
import { coordinatorInfoSchema } from '@peercompute/job-specs'

export interface HalvesOptions {
  readonly seed: number
  /** How long the cut lasts, in ms. */
  readonly cutMs: number
}

export interface HalvesRecord extends Judgement {
  /** Units settled while the halves were apart. */
  readonly settledApart: number
  /** From the mending until all had delivered everything and all ledgers were one, in ms. */
  readonly convergedMs: number
  /** Of the coordinator and of a peer in each half. */
  readonly foldHashes: readonly string[]
}

const EACH = 2
/** Two volunteers of the western half settle about 20 units a second together. */
const WORK_MS = 250
const UNITS_PER_ASK = 5
const UNITS_PER_SECOND = 25

export async function halves({ seed, cutMs }: HalvesOptions): Promise<HalvesRecord> {
  const server = await serveHere()
  const campaign = await startCampaign('halves', seed, server)
  const { submitter, history } = campaign
  const lab = createLab()
  const line = await startLossyTcp(() => server.port, seed)
  try {
    const { peerId } = coordinatorInfoSchema.parse(await server.get('/api/v1/coordinator'))
    const ledgerPeer = (port: number) => lab.peer({ relays: [`/ip4/127.0.0.1/tcp/${port}/ws/p2p/${peerId}`], webRtc: false })
    const ledgers = await Promise.all([ledgerPeer(server.port), ledgerPeer(line.port)])
    const join = async (port: number) =>
      campaign.volunteer({ line: await streamLine(server.url, port), unitsPerAsk: UNITS_PER_ASK, workMs: WORK_MS })
    const west = await Promise.all(Array.from({ length: EACH }, () => join(server.port)))
    const east = await Promise.all(Array.from({ length: EACH }, () => join(line.port)))
    const job = await submitter.submit({ unitCount: Math.ceil((cutMs / 1_000 + 4) * UNITS_PER_SECOND) })
    const validated = async (): Promise<number> => (await server.job(job)).units.validated
    await until('work on both sides', async () => (await validated()) > 0 && [...west, ...east].every(({ inHand }) => inHand > 0))

    history.fault(`cut for ${cutMs} ms`)
    line.stall()
    const before = await validated()
    await lasting(cutMs)
    await until('progress in one half', async () => (await validated()) > before)
    const settledApart = (await validated()) - before

    history.fault('mended')
    const mendedAt = performance.now()
    for (const volunteer of campaign.volunteers) volunteer.rest(true)
    line.flow()
    // What was silent for long enough is cut as well: new connections carry on.
    line.resetAll()
    await until('all at rest', () => campaign.volunteers.every(({ atRest }) => atRest), 60_000)
    const foldHashes = await oneLedger(server.url, ledgers)
    const convergedMs = performance.now() - mendedAt

    for (const volunteer of campaign.volunteers) volunteer.rest(false)
    await jobsOver(server, [job])
    return { ...(await campaign.judge()), settledApart, convergedMs, foldHashes }
  } finally {
    await campaign.end()
    await lab.end()
    await line.close()
    await server.stop()
  }
}

/** Waits until the coordinator and all peers fold their ledgers into the same. */
async function oneLedger(url: string, peers: readonly LabPeer[]): Promise<readonly string[]> {
  return until(
    'one ledger',
    async () => {
      const answer = await fetch(`${url}/api/v1/ledger`)
      const own = /"(.*)"/.exec(answer.headers.get('etag') ?? '')?.[1] ?? ''
      await answer.arrayBuffer()
      const hashes = [own, ...(await Promise.all(peers.map((peer) => peer.call('ledger')))).map(({ hash }) => hash)]
      return new Set(hashes).size === 1 ? hashes : null
    },
    60_000
  )
}
