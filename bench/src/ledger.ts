/** The ledger's numbers: how fast records are checked, and what history costs a newcomer. */
import type { Bench } from './bench.ts'
import { newcomer } from './ledger/newcomer.ts'
import { tenThousand } from './ledger/ten-thousand.ts'

export const ledgerBench: Bench = {
  name: 'ledger',
  summary: 'how fast records are written, checked and folded, and what history costs a newcomer',
  parts: [
    tenThousand,
    // the same in small, as far as the first checkpoint
    newcomer('newcomer.100k', { jobs: 5, unitsPerRecord: 40, targets: { bytes: null, time: null } }),
    newcomer('ledger.newcomer', { jobs: 50, unitsPerRecord: 256, targets: { bytes: '<= 2', time: '<= 1' } })
  ]
}
