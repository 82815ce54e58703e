/** A job that brings its own check, in a fleet of which half lies. The check is right about everything. */
import { blobRef, utf8, type Verification } from '@peercompute/job-specs'
import { honestHosts, liars } from '@peercompute/relay-coordinator/simulation'
import type { Part, Row } from '../bench.ts'
import { summarise, told } from './fleets.ts'
import { meanRow } from './measured.ts'

const UNITS = 100_000
const HALF = 100

const VERIFIED: Verification = {
  policy: 'verifier',
  verify: { kind: 'custom', js: blobRef(utf8('simulated')) },
  independence: 'subnet',
  comparator: { kind: 'exact' },
  maxResults: 8
}

export const verifier: Part = {
  ids: ['verifier', 'verifier.wrong', 'verifier.returning', 'verifier.returning.wrong'],
  limitSeconds: 300,
  async measure(run) {
    const rows: Row[] = []
    for (const [id, returns, rate] of [
      ['verifier', false, 1],
      ['verifier.returning', true, 0.1]
    ] as const) {
      const groups = [honestHosts(HALF), liars(HALF, rate, { returns })]
      const summary = await summarise({ groups, churn: 0, units: UNITS, verification: VERIFIED, time: 'random order' }, 1)
      run.report(told(id, summary))
      const wrong = summary.reports.map((report) => report.wrong)
      rows.push(meanRow(id, '', summary.executions, returns ? null : '<= 1.03'), meanRow(`${id}.wrong`, 'units', wrong, '<= 0'))
    }
    return {
      rows,
      conditions: [
        `verifier: executions of each of ${UNITS} units, those included that the check refused; half of 200 hosts lie in every execution and stay away once they are banned. verifier.returning: they lie in a tenth and are back at once under new names`
      ]
    }
  }
}
