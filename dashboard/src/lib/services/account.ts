/** The account key of this browser profile: the same one that the volunteer computes for. */
import { signJobCommand, type JobAction, type JobSummary, type KeyPair } from '@peercompute/job-specs'
import { changeJob } from './api.ts'

/** Made at first use. */
export async function openAccount(): Promise<KeyPair> {
  const { createIdbIdentityStore, loadOrCreateIdentity } = await import('@peercompute/worker-client/browser')
  const identity = await loadOrCreateIdentity(createIdbIdentityStore(), { label: '', now: Date.now(), extractableHost: false })
  return identity.account
}

/** Null when this browser has none yet. */
export async function knownAccount(): Promise<KeyPair | null> {
  if (!window.isSecureContext) return null
  const { createIdbIdentityStore } = await import('@peercompute/worker-client/browser')
  return (await createIdbIdentityStore().load())?.account ?? null
}

/** Steers a job: signed when this browser is its author, else by token or as the coordinator's own machine. */
export async function steerJob(job: Pick<JobSummary, 'id' | 'author'>, action: JobAction): Promise<void> {
  const account = await knownAccount()
  const own = account !== null && account.publicKey === job.author
  await changeJob(job.id, action, own ? await signJobCommand(account, job.id, action, Date.now()) : null)
}
