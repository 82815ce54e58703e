/** Time as in the simulation that security figures come from: one unit a lease, hosts in random order, each reports at once. */
import { decideAsk } from '../core/index.ts'
import { UNIT_OPERATIONS } from './simulated-job.ts'
import type { SimulationRun } from './simulation-run.ts'

/** Asks in vain, for each host of the fleet, after which nobody can go on with the job. */
const VAIN_ASKS = 50

export function runInRandomOrder(run: SimulationRun): void {
  const { engine, fleet, options, random } = run
  const most = VAIN_ASKS * fleet.hosts.length
  for (let vain = 0; vain < most && !run.ended; vain++) {
    const known = fleet.any()
    const host = options.churn > 0 && random() < options.churn ? run.rename(known) : known
    engine.pass((UNIT_OPERATIONS / host.speed / fleet.hosts.length) * 1_000)
    const { leases } = engine.execute(decideAsk, { type: 'ask', host: host.connected.host, executor: 'js', units: 1, seconds: 0 })
    for (const lease of leases) {
      run.report(host, lease)
      vain = 0
    }
  }
}
