/** Everything that happens to a unit, over the network: how many a second, and what the coordinator spends on each. */
import { medianRow, type Part } from '../bench.ts'
import { monotonicMs, pause } from '../time.ts'
import { SERVED_CONDITIONS, startServed } from './served.ts'

const VOLUNTEERS = 50
const PROCESSES = 2
const UNITS_PER_CONTACT = 10
const WARM_UP_UNITS = 4_000
const UNITS = 30_000
const SAMPLES = 3
/** The ledger is written once in a second; its cost belongs to the units. */
const LEDGER_MS = 1_500
const JOB_MS = 60_000

export const endToEnd: Part = {
  ids: ['e2e.q2', 'e2e.q2.cpu'],
  limitSeconds: 60 + (SAMPLES * JOB_MS) / 1_000,
  async measure(run) {
    const served = await startServed(run)
    const generators = await served.load({ count: VOLUNTEERS, processes: PROCESSES })
    const rates: number[] = []
    const costs: number[] = []
    await served.ended(await served.submit(WARM_UP_UNITS), JOB_MS)
    await pause(LEDGER_MS)
    for (let sample = 0; sample < SAMPLES; sample++) {
      const before = await served.process.call('cost', undefined)
      const from = monotonicMs()
      const ended = await served.ended(await served.submit(UNITS), JOB_MS)
      await pause(LEDGER_MS)
      const after = await served.process.call('cost', undefined)
      rates.push(UNITS / ((ended - from) / 1_000))
      costs.push((after.cpuMs - before.cpuMs) / UNITS)
      run.report(`e2e.q2 ${(rates.at(-1) ?? 0).toFixed(0)} units/s, ${(costs.at(-1) ?? 0).toFixed(3)} ms CPU each`)
    }
    const { answers, failures } = await generators.tally()
    run.report(`e2e.q2 answers ${JSON.stringify(answers)}, failures ${JSON.stringify(failures)}`)
    await generators.stop()
    await served.check(true)
    return {
      rows: [medianRow('e2e.q2', '1/s', rates, '>= 2000'), medianRow('e2e.q2.cpu', 'ms', costs, '<= 0.5')],
      conditions: [
        ...SERVED_CONDITIONS,
        `e2e: quorum 2, each opinion from another subnet; jobs of ${UNITS} units after one of ${WARM_UP_UNITS}; ${VOLUNTEERS} libp2p connections (WebSocket, noise, yamux) from as many subnets, ${UNITS_PER_CONTACT} units reported and asked for in each contact, one contact of each under way; from the submission by HTTP to the commit that ended the job; cpu: user and system time of the whole coordinator process, with the flush of the ledger that follows`
      ]
    }
  }
}
