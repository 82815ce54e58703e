/** How a job's units were decided, and the results of one of them, for people at a terminal. */
import { differenceSentence, type JobTrust, type UnitReplicas } from '@peercompute/job-specs'
import { count, percent } from './format.ts'
import { printable } from './printable.ts'
import { table } from './table.ts'

const SPREADS_SHOWN = 10

/** `1 in 2 000`. */
function odds(probability: number): string {
  if (probability < 1e-9) return 'less than 1 in 10^9'
  const one = 1 / probability
  return one < 20 ? `1 in ${Number(one.toPrecision(2))}` : `1 in ${count(Number(one.toPrecision(2)))}`
}

export function trustLines(trust: JobTrust): readonly (readonly [string, string])[] {
  const { settled, counted, errorProbability, executionsPerUnit, votes, histogram, verification, inconclusive } = trust
  const { kind } = verification.comparator
  const rejected = histogram.bins.reduce((sum, bin) => sum + bin.rejected, histogram.incomparable)
  const near = histogram.bins.reduce((sum, bin) => sum + bin.agreeing, 0)
  return [
    ['job', trust.job],
    ['verified by', trust.sentence],
    ['cost', executionsPerUnit === null ? 'no unit is settled yet' : `${executionsPerUnit.toFixed(2)} executions a settled unit`],
    ...(errorProbability === null
      ? []
      : [
          [
            'error',
            `${odds(errorProbability.mean)} values expected to be wrong; the least certain one: ${odds(errorProbability.worst)}`
          ] as const
        ]),
    ['counted', counted === settled ? `all ${count(settled)} settled units` : `${count(counted)} of ${count(settled)} settled units`],
    ['twice', `${count(trust.checkedTwice)} units with two or more agreeing results (${percent(trust.checkedTwice, counted)})`],
    ['results', `${count(votes.canonical)} canonical, ${count(votes.agrees)} agree, ${count(votes.rejected)} rejected`],
    ['distances', `${count(histogram.identical)} identical, ${count(near)} within the bound, ${count(rejected)} beyond it`],
    [
      'from',
      `${count(trust.hosts)} hosts, ${count(trust.accounts)} accounts, ${count(trust.numericClasses)} numeric classes; independent by ${trust.independence}`
    ],
    ...(trust.reopened === 0 ? [] : [['reopened', `${count(trust.reopened)} units since the coordinator started`] as const]),
    ['suspects', `${percent(trust.suspects, 1)} of the fleet's executions`],
    ...inconclusive.slice(-SPREADS_SHOWN).map(({ unit, results, values, nearest, farthest }): readonly [string, string] => {
      const apart =
        nearest && farthest ? `; from the leading one: ${differenceSentence(kind, nearest)} … ${differenceSentence(kind, farthest)}` : ''
      return ['inconclusive', `unit ${count(unit)}: ${results} results, ${values} different${apart}`]
    })
  ]
}

export function replicaText({ unit, state, value, replicas, sealed }: UnitReplicas): string {
  if (state === 'open')
    return `Unit ${count(unit)} is not settled; ${sealed} ${sealed === 1 ? 'result is' : 'results are'} there, sealed until then.\n`
  if (state === 'not_held') return `Unit ${count(unit)} was settled before the coordinator lost its database; its value is not held.\n`
  if (state === 'errored') return `Unit ${count(unit)} was given up; its results are not held any more.\n`
  const rows = replicas.map(({ host, executor, numericClass, verdict, digest, difference, seconds }) => [
    host.slice(0, 8),
    executor,
    printable(numericClass),
    digest.slice(0, 8),
    difference,
    `${seconds.toFixed(2)} s`,
    verdict
  ])
  const found = value === null ? [] : Object.entries(value.outputs).map(([name, list]) => `${printable(name)} = ${list.join(' ')}\n`)
  const doubt = value === null ? '' : `wrong with a chance of ${odds(value.errorProbability)}; sha256 ${value.digest}\n`
  return table(['HOST', 'EXECUTOR', 'CLASS', 'VALUE', 'DIFFERENCE', 'TOOK', 'VERDICT'], rows, [5]) + found.join('') + doubt
}
