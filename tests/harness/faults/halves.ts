/** R8: volunteers in two halves, the coordinator in one of them, and the line between them cut. */
import { jobsOver, startCampaign, type Judgement } from './campaign.ts'
import { readHistory } from './history.ts'
import { serveHere, type Served } from './served-here.ts'
import { streamLine } from './work-line.ts'
import { createLab, type LabPeer } from '../lab.ts'
import { lasting } from '../lasting.ts'
import { startLossyTcp } from '../lossy-tcp.ts'
import { until } from '../until.ts'
import { coordinatorInfoSchema, rootIdSchema } from '@peercompute/job-specs'
import { verifyLedgerFile } from '@peercompute/ledger'

export interface HalvesOptions {
  readonly seed: number
  /** How long the cut lasts, in ms. */
  readonly cutMs: number
}

export interface HalvesRecord extends Judgement {
  /** Units settled while the halves were apart. */
  readonly settledApart: number
  /** Answers that the eastern half got during the cut, and whether its ledger grew: none and no, or it was no cut. */
  readonly crossed: { readonly answers: number; readonly ledger: boolean }
  /** From the mending until all had delivered everything and the ledgers of the coordinator and of a peer in each half said the same, in ms. */
  readonly convergedMs: number
}

const EACH = 2
/** Two volunteers of the western half settle about 20 units a second together. */
const WORK_MS = 250
const UNITS_PER_ASK = 5
const UNITS_PER_SECOND = 25
/** What was through the line before the cut is noted within this time after it. */
const ARRIVED_WITHIN_MS = 1_000

export async function halves({ seed, cutMs }: HalvesOptions): Promise<HalvesRecord> {
  let target = 0
  const line = await startLossyTcp(() => target, seed)
  // Whoever has lost the coordinator dials what it announces, and must not get round the cut so.
  const server = await serveHere({ announcedPort: line.port })
  target = server.port
  const campaign = await startCampaign('halves', seed, server)
  const { submitter, history } = campaign
  const lab = createLab()
  try {
    const { peerId } = coordinatorInfoSchema.parse(await server.get('/api/v1/coordinator'))
    const ledgerPeer = (port: number) =>
      lab.peer({ relays: [`/ip4/127.0.0.1/tcp/${port}/ws/p2p/${peerId}`], webRtc: false, root: server.root })
    const [westLedger, eastLedger] = await Promise.all([ledgerPeer(server.port), ledgerPeer(line.port)])
    const join = async (name: string, port: number) =>
      campaign.volunteer({ name, line: await streamLine(server.url, port), unitsPerAsk: UNITS_PER_ASK, workMs: WORK_MS })
    const west = await Promise.all(Array.from({ length: EACH }, (_, index) => join(`west-${index}`, server.port)))
    const east = await Promise.all(Array.from({ length: EACH }, (_, index) => join(`east-${index}`, line.port)))
    const job = await submitter.submit({ unitCount: Math.ceil((cutMs / 1_000 + 4) * UNITS_PER_SECOND) })
    const validated = async (): Promise<number> => (await server.job(job)).units.validated
    await until('work on both sides', async () => (await validated()) > 0 && [...west, ...east].every(({ inHand }) => inHand > 0))

    history.fault(`cut for ${cutMs} ms`)
    line.stall()
    await lasting(ARRIVED_WITHIN_MS)
    const cutAt = Date.now()
    const before = await validated()
    const { stateHash: knownInTheEast } = await eastLedger.call('ledger')
    await lasting(cutMs)
    await until('progress in one half', async () => (await validated()) > before)
    const settledApart = (await validated()) - before
    await until('a ledger that says more in one half', async () => (await westLedger.call('ledger')).stateHash !== knownInTheEast)
    const learned = (await eastLedger.call('ledger')).stateHash !== knownInTheEast

    history.fault('mended')
    const answered = readHistory(history.file).filter(
      ({ client, outcome, endedAt }) => client.startsWith('east') && outcome.type === 'ok' && (endedAt ?? 0) > cutAt
    ).length
    const mendedAt = performance.now()
    for (const volunteer of campaign.volunteers) volunteer.rest(true)
    line.flow()
    // What was silent for long enough is cut as well: new connections carry on.
    line.resetAll()
    await until('all at rest', () => campaign.volunteers.every(({ atRest }) => atRest), 60_000)
    await oneLedger(server, [westLedger, eastLedger])
    const convergedMs = performance.now() - mendedAt

    for (const volunteer of campaign.volunteers) volunteer.rest(false)
    // What one half could not do in the cut is left for both.
    await jobsOver(server, [job], cutMs + 60_000)
    return { ...(await campaign.judge()), settledApart, crossed: { answers: answered, ledger: learned }, convergedMs }
  } finally {
    await campaign.end()
    await lab.end()
    await line.close()
    await server.stop()
  }
}

/** Waits until the coordinator's ledger and all peers' say the same. */
async function oneLedger({ url, root }: Served, peers: readonly LabPeer[]): Promise<void> {
  await until(
    'one ledger',
    async () => {
      const hashes = (await Promise.all(peers.map((peer) => peer.call('ledger')))).map(({ stateHash }) => stateHash)
      if (new Set(hashes).size > 1) return false
      const answer = await fetch(`${url}/api/v1/ledger`)
      const { stateHash } = await verifyLedgerFile(new Uint8Array(await answer.arrayBuffer()), rootIdSchema.parse(root))
      return stateHash === hashes[0]
    },
    60_000
  )
}
