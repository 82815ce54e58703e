import { shortId, type JobSummary } from '@peercompute/job-specs'
import { coordinatorOf, json, type Context, type RemoteOptions } from '../context.ts'
import { count, moment, percent } from '../output/format.ts'
import { printable } from '../output/printable.ts'
import { table } from '../output/table.ts'

export interface ListOptions extends RemoteOptions {
  readonly limit: number
  readonly cursor?: string
}

function row(job: JobSummary): readonly string[] {
  return [
    shortId(job.id),
    printable(job.name),
    job.state,
    percent(job.units.validated, job.unitCount),
    count(job.unitCount),
    moment(job.submittedAt),
    printable(job.title)
  ]
}

export async function list(context: Context, options: ListOptions): Promise<void> {
  const { api } = await coordinatorOf(context, options)
  const page = await api.jobs({ limit: options.limit, ...(options.cursor === undefined ? {} : { cursor: options.cursor }) })
  if (options.json) return context.terminal.data(json(page))
  if (page.jobs.length === 0) {
    context.terminal.talk('There are no jobs yet. Publish one: peercompute submit n-queens')
    return
  }
  await context.terminal.data(table(['JOB', 'NAME', 'STATE', 'DONE', 'UNITS', 'SUBMITTED', 'TITLE'], page.jobs.map(row), [3, 4]))
  if (page.next !== null) context.terminal.talk(`There are more: peercompute list --cursor ${page.next}`)
}
