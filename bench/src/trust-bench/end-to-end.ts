/** V2 with real processes: a coordinator, volunteers from as many networks, some of whom collude. */
import { runLiars, type LiarsRecord } from '@peercompute/tests/liars'
import { singleRow, type Part, type Run } from '../bench.ts'

const UNITS = 2_000
const HONEST = 24
const COLLUDING = 6
const SEED = 5
const LIMIT_MS = 240_000

/** `honestFor`: executions before the first lie. */
export function endToEnd(id: string, honestFor: number): Part {
  return {
    ids: ['', '.banned', '.banned.honest', '.unswept', '.reopened', '.executions', '.seconds'].map((suffix) => `${id}${suffix}`),
    limitSeconds: (2 * LIMIT_MS) / 1_000,
    async measure({ report }: Run) {
      const found = await runLiars({
        seed: SEED,
        units: UNITS,
        honest: HONEST,
        colluding: COLLUDING,
        honestFor,
        kills: 0,
        timeoutMs: LIMIT_MS,
        report: (line) => {
          report(`${id} ${line}`)
        }
      })
      mustHold(found)
      const { wrong, banned, decidedByBanned, reopened, executions, seconds } = found
      return {
        rows: [
          singleRow(id, 'units', wrong, '<= 2'),
          // One that has begun to lie late may not have been compared often enough when the job ends.
          singleRow(`${id}.banned`, 'hosts', banned.liars, honestFor === 0 ? `>= ${COLLUDING}` : null),
          singleRow(`${id}.banned.honest`, 'hosts', banned.honest, '<= 0'),
          singleRow(`${id}.unswept`, 'units', decidedByBanned, '<= 0'),
          singleRow(`${id}.reopened`, 'units', reopened, null),
          singleRow(`${id}.executions`, '', executions, null),
          singleRow(`${id}.seconds`, 's', seconds, null)
        ],
        conditions: [
          'e2e.liars: one machine, loopback; the coordinator is the program `peercompute serve` (SQLite); three quarters of the honest volunteers over libp2p, the others over HTTP, all in three processes, each from a /24 of its own, two units a lease, 10 ms each by waiting; the job asks for an error probability of 0.001 and for different networks',
          `${id}: ${HONEST} honest volunteers and ${COLLUDING} who have the same wrong values for the same half of all units${honestFor === 0 ? '' : `, each after ${honestFor} honest executions`}, ${UNITS} units; wrong: accepted at the end; unswept: settled units behind which only banned hosts stand; executions: accepted ones for each unit, those taken back included. The run is valid only when credit is the sum over settled units, rows, audit log, counters and ledger say the same, and \`peercompute verify\` finds nothing against the download`
        ]
      }
    }
  }
}

function mustHold({ settled, violations, unproven }: LiarsRecord): void {
  if (settled !== UNITS) throw new Error(`${settled} of ${UNITS} units are settled`)
  const found = [...violations, ...unproven]
  if (found.length > 0) throw new Error(`Books or proofs do not hold: ${found.join('; ')}`)
}
