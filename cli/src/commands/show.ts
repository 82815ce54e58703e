import { kernelExecutors, verificationSentence, type JobDetail } from '@peercompute/job-specs'
import { findJob } from '../api/find-job.ts'
import { coordinatorOf, json, type Context, type RemoteOptions } from '../context.ts'
import { count, moment, notHeldSentence } from '../output/format.ts'
import { printable } from '../output/printable.ts'
import { bar } from '../output/progress.ts'
import { reducedText } from '../output/reduced.ts'
import { replicaText, trustLines } from '../output/trust.ts'

export function jobLines(job: JobDetail): readonly (readonly [string, string])[] {
  const { units, spec } = job
  const executions = job.executionsPerUnit === null ? '' : ` ${job.executionsPerUnit.toFixed(2)} executions a unit so far.`
  return [
    ['job', job.id],
    ['title', `${printable(job.title)} (${printable(job.name)}, revision ${spec.revision})`],
    [
      'researcher',
      `${printable(job.researcher) || '–'}, author ${job.author}${job.custodial ? ' (custodial: a token stood for the author)' : ''}`
    ],
    ['state', `${job.state}: ${job.why.sentence}`],
    [
      'units',
      `${bar(units.validated, job.unitCount)} ${count(units.validated)} of ${count(job.unitCount)} verified, ${count(units.inProgress)} computing, ${count(units.validating)} awaiting a second result, ${count(units.errored)} failed`
    ],
    [
      'verified by',
      `${verificationSentence(job.verification)}${job.sameMachine ? ' So far it is one and the same machine.' : ''}${executions}`
    ],
    ['kernel', `${printable(spec.kernel.name)} for ${kernelExecutors(spec.kernel).join(', ')}`],
    [
      'params',
      Object.entries(spec.params)
        .map(([name, value]) => `${name}=${String(value)}`)
        .join(' ') || '–'
    ],
    ['hosts', String(job.hosts)],
    ['times', `submitted ${moment(job.submittedAt)}, first verified ${moment(job.firstValidatedAt)}, ended ${moment(job.endedAt)}`],
    ['result', `${reducedText(job.reduced)}${job.notHeld === undefined ? '' : ' (incomplete)'}`],
    ...(job.notHeld === undefined ? [] : [['not held', notHeldSentence(job.notHeld)] as const]),
    ...job.failures.map((failure): readonly [string, string] => [
      'failed',
      `${failure.units} × ${failure.reason}: ${printable(failure.message)}`
    ])
  ]
}

export interface ShowOptions extends RemoteOptions {
  readonly trust?: true
  readonly unit?: number
}

/** With `trust`, how the units were decided; with `unit`, the results of one of them. */
export async function show(context: Context, reference: string, options: ShowOptions): Promise<void> {
  const { api } = await coordinatorOf(context, options)
  const { terminal } = context
  const id = await findJob(api, reference)
  if (options.unit !== undefined) {
    const unit = await api.replicas(id, options.unit)
    return terminal.data(options.json ? json(unit) : replicaText(unit))
  }
  if (options.trust) {
    const trust = await api.trust(id)
    return terminal.data(options.json ? json(trust) : labelled(trustLines(trust)))
  }
  const job = await api.job(id)
  await terminal.data(options.json ? json(job) : labelled(jobLines(job)))
}

function labelled(lines: readonly (readonly [string, string])[]): string {
  return lines.map(([name, value]) => `${name.padEnd(12)} ${value}\n`).join('')
}
