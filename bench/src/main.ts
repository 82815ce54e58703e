/** `npm run bench -- NAME [--json] [--rows ID,ID]`. With `--json`, stdout is one JSON object and nothing else. */
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { holds, type Bench } from './bench.ts'
import { computeBench } from './compute-bench/index.ts'
import { coordinatorBench } from './coordinator-bench/index.ts'
import { firstResult } from './first-result.ts'
import { ledgerBench } from './ledger.ts'
import { networkBench } from './network.ts'
import { choose, runBench } from './run-bench.ts'
import { trustBench } from './trust-bench/index.ts'

const BENCHES: readonly Bench[] = [firstResult, networkBench, ledgerBench, coordinatorBench, trustBench, computeBench]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, rows: { type: 'string' } }
})
const bench = BENCHES.find(({ name }) => name === positionals[0])
if (bench === undefined) {
  process.stderr.write(
    `Usage: npm run bench -- NAME [--json] [--rows ID,ID]\n\n${BENCHES.map(({ name, summary }) => `  ${name}  ${summary}\n`).join('')}`
  )
  process.exit(2)
}
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    stopping.abort()
  })
}
try {
  const chosen = choose(bench, values.rows?.split(',') ?? null)
  process.stderr.write(`Rows: ${chosen.ids.join(', ')}\n`)
  const { conditions, rows } = await runBench(chosen, (line) => process.stderr.write(`${line}\n`), stopping.signal)
  const judged = rows.map((row) => ({ ...row, holds: holds(row) }))
  const [cpu] = cpus()
  const machine = `${cpus().length} × ${cpu?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`
  if (values.json)
    process.stdout.write(`${JSON.stringify({ bench: bench.name, date: new Date().toISOString(), machine, conditions, rows: judged })}\n`)
  else {
    process.stdout.write(`${bench.name} on ${machine}\n${conditions}\n\n`)
    for (const row of judged) {
      const verdict = row.holds === null ? '' : row.holds ? 'holds' : 'DOES NOT HOLD'
      process.stdout.write(
        `${row.id.padEnd(26)} ${String(row.value).padStart(10)} ${row.unit.padEnd(8)} ${(row.target ?? '').padEnd(10)} ${verdict}\n`
      )
    }
  }
} catch (error) {
  process.stderr.write(`The run is not valid: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exitCode = error instanceof RangeError ? 2 : 1
}
// A part that was given up may still wait for something.
process.exit()
