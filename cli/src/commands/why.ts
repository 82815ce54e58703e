import { PeerComputeError, REASONS, type Why } from '@peercompute/job-specs'
import { findJob } from '../api/find-job.ts'
import type { ApiClient } from '../api/client.ts'
import { coordinatorOf, json, type Context, type RemoteOptions } from '../context.ts'
import { printable } from '../output/printable.ts'

const HOST_KEY = /^[A-Za-z0-9_-]{43}$/
/** `JOB/UNIT` or `JOB:UNIT`. */
const UNIT = /^(.+)[/:](\d{1,15})$/

async function hostCalled(api: ApiClient, reference: string): Promise<string | undefined> {
  if (HOST_KEY.test(reference)) return reference
  const hosts = await api.hosts()
  const found = hosts.filter((host) => host.label === reference || (reference.length >= 6 && host.host.startsWith(reference)))
  return found.length === 1 ? found[0]?.host : undefined
}

async function jobWhy(api: ApiClient, reference: string): Promise<Why> {
  const id = await findJob(api, reference)
  const [why, { failures, units }] = await Promise.all([api.why(id), api.job(id)])
  const failed = failures.map((failure, index): readonly [string, string] => [
    `failure ${index + 1}`,
    `${failure.units} × ${failure.reason}: ${failure.message}`
  ])
  return { ...why, facts: { ...why.facts, ...units, ...Object.fromEntries(failed) } }
}

/** A host by key, beginning of the key or label; otherwise a job, or a unit of it. */
async function explain(api: ApiClient, reference: string): Promise<Why> {
  const unit = UNIT.exec(reference)
  if (unit?.[1] !== undefined) return api.why(await findJob(api, unit[1]), Number(unit[2]))
  try {
    return await jobWhy(api, reference)
  } catch (error) {
    const host = error instanceof PeerComputeError && error.code === 'JOB_NOT_FOUND' ? await hostCalled(api, reference) : undefined
    if (host === undefined) throw error
    return whyHost(api, host)
  }
}

/** What a host is kept from, and what comparisons have shown of it. */
async function whyHost(api: ApiClient, host: string): Promise<Why> {
  const [why, { standing, sentence, remedy, checks, passed, failures }] = await Promise.all([api.whyHost(host), api.reputation(host)])
  const trust = standing === 'suspect' || standing === 'banned' ? `${sentence} ${remedy}` : sentence
  return { ...why, facts: { ...why.facts, trust, standing, compared: checks, agreedInARow: passed, wrong: failures } }
}

export async function why(context: Context, reference: string, options: RemoteOptions): Promise<void> {
  const { api } = await coordinatorOf(context, options)
  const answer = await explain(api, reference)
  if (options.json) return context.terminal.data(json(answer))
  const facts = Object.entries(answer.facts).map(([name, value]) => `  ${printable(name)}: ${printable(String(value))}\n`)
  await context.terminal.data(`${answer.sentence}\n${answer.remedy}\n${facts.join('')}`)
  context.terminal.talk(context.terminal.style('dim', `(${answer.code}, about a ${REASONS[answer.code].about})`))
}
