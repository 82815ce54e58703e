/** How long after the last report everything has happened that follows from it, seen from outside. */
import type { JobId } from '@peercompute/job-specs'
import { createFold, createLedger, followLedger, memoryLedgerStore, type LedgerState } from '@peercompute/ledger'
import { createClientNode, PeerComputeProvider, superviseRelay } from '@peercompute/p2p'
import { until } from '@peercompute/tests'
import { medianRow, type Part, type Run } from '../bench.ts'
import { monotonicMs } from '../time.ts'
import { owedFor } from './load-job.ts'
import { SERVED_CONDITIONS, startServed, type Served } from './served.ts'

const VOLUNTEERS = 50
const UNITS = 2_000
const SAMPLES = 7
const WAIT_MS = 30_000

export const drain: Part = {
  ids: ['drain', 'drain.store'],
  limitSeconds: 120,
  async measure(run) {
    const served = await startServed(run)
    const watcher = await watchLedger(run, served)
    const generators = await served.load({ count: VOLUNTEERS, processes: 1 })
    const ledger: number[] = []
    const store: number[] = []
    for (let sample = 1; sample <= SAMPLES; sample++) {
      const job = await served.submit(UNITS)
      const told = watcher.told(job, owedFor(sample * UNITS))
      const committedAt = await served.ended(job, WAIT_MS)
      const toldAt = await told
      const { lastReportAt } = await generators.tally()
      store.push((committedAt - lastReportAt) / 1_000)
      ledger.push((toldAt - lastReportAt) / 1_000)
      run.report(`drain ${(store.at(-1) ?? 0).toFixed(3)} s to the store, ${(ledger.at(-1) ?? 0).toFixed(3)} s to another peer's ledger`)
    }
    await generators.stop()
    await served.check(true)
    return {
      rows: [medianRow('drain', 's', ledger, '<= 0.2'), medianRow('drain.store', 's', store, null)],
      conditions: [
        ...SERVED_CONDITIONS,
        `drain: jobs of ${UNITS} units; from the last report being handed to its transport until another peer's replica of the ledger, over gossip, has the job's end and all credit; drain.store: until the commit that ended the job`
      ]
    }
  }
}

interface LedgerWatcher {
  /** When the ledger had the end of the job and credit of that sum, ms of the machine's clock. */
  told(job: JobId, microCredits: number): Promise<number>
}

async function watchLedger(run: Run, { address, root }: Served): Promise<LedgerWatcher> {
  const { node } = await createClientNode({ relays: [address], webRtc: false })
  run.after(() => node.stop())
  const supervisor = superviseRelay(node, [address])
  run.after(() => {
    supervisor.stop()
  })
  const ledger = createLedger({ now: () => Date.now(), store: memoryLedgerStore() })
  ledger.follow(root)
  const fold = createFold(root)
  const stopFolding = followLedger(ledger, fold)
  run.after(stopFolding)
  const provider = await PeerComputeProvider.start(node, ledger)
  run.after(() => provider.stop())
  await until('the relay', () => supervisor.state.kind === 'connected')
  return {
    async told(job, microCredits) {
      const { promise, resolve }: PromiseWithResolvers<number> = Promise.withResolvers()
      const look = (): void => {
        if (knows(fold.state(), job, microCredits)) resolve(monotonicMs())
      }
      const stop = ledger.onEntry(look)
      const late = new Promise<never>((_, reject) => {
        setTimeout(() => {
          reject(new Error(`The ledger did not tell of the job's end within ${WAIT_MS} ms`))
        }, WAIT_MS).unref()
      })
      try {
        return await Promise.race([promise, late])
      } finally {
        stop()
      }
    }
  }
}

function knows({ jobs, credit }: LedgerState, job: JobId, microCredits: number): boolean {
  return jobs.get(job)?.ended?.state === 'completed' && [...credit.values()].reduce((sum, value) => sum + value, 0) === microCredits
}
