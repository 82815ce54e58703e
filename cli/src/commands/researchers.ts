/** Who may publish signed jobs, and who waits for the operator's word. */
import { PeerComputeError, type ResearcherView } from '@peercompute/job-specs'
import type { OperatorClient } from '../api/operator-client.ts'
import { json, operatorOf, type Context, type RemoteOptions } from '../context.ts'
import { count, moment } from '../output/format.ts'
import { printable } from '../output/printable.ts'
import { table } from '../output/table.ts'

const KEY_LENGTH = 43
const SHORTEST_BEGINNING = 6

export async function listResearchers(context: Context, options: RemoteOptions): Promise<void> {
  const researchers = await (await operatorOf(context, options)).researchers()
  if (options.json) return context.terminal.data(json({ researchers }))
  if (researchers.length === 0) {
    context.terminal.talk('Nobody has published a signed job yet.')
    return
  }
  const rows = researchers.map(({ author, status, name, askedAt }) => [author, status, moment(askedAt), printable(name)])
  await context.terminal.data(table(['KEY', 'STATUS', 'SINCE', 'CALLS ITSELF'], rows))
}

export async function decideResearcher(context: Context, action: 'approve' | 'refuse', key: string, options: RemoteOptions): Promise<void> {
  const api = await operatorOf(context, options)
  const decision = await api.decide(action, await fullKey(api, key))
  if (options.json) return context.terminal.data(json(decision))
  const { researcher, jobs } = decision
  const what = action === 'approve' ? 'begin now' : 'were cancelled'
  context.terminal.talk(
    `${researcher.author} is ${researcher.status}; ${count(jobs.length)} ${jobs.length === 1 ? 'job' : 'jobs'} ${what}.`
  )
}

/** A key, or its beginning as `list` shows it. */
async function fullKey(api: OperatorClient, key: string): Promise<string> {
  if (key.length === KEY_LENGTH) return key
  if (key.length < SHORTEST_BEGINNING)
    throw new PeerComputeError(
      'REQUEST_INVALID',
      `"${key}" is too short: give the key, or at least its first ${SHORTEST_BEGINNING} characters`
    )
  const found: ResearcherView[] = (await api.researchers()).filter(({ author }) => author.startsWith(key))
  const [only] = found
  if (only !== undefined && found.length === 1) return only.author
  throw new PeerComputeError(
    'NOT_FOUND',
    found.length === 0 ? `no researcher's key begins with ${key}` : `${found.length} keys begin with ${key}`
  )
}
