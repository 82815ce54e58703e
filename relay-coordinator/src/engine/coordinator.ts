/** The `Coordinator` that the shells talk to: the pure core behind a group commit, with views, live events and deadlines. */
import {
  jobBlobs,
  jobIdOf,
  outputElements,
  PeerComputeError,
  type ContentHash,
  type JobId,
  type JobSpec,
  type ReasonCode,
  type Report,
  type ResultRow,
  type SignedSpec
} from '@peercompute/job-specs'
import type { Coordinator } from '../coordinator.ts'
import {
  creditBooks,
  decideApprove,
  decideAsk,
  decideBlobArrived,
  decideConnect,
  decideControl,
  decideDisconnect,
  decideExpire,
  decideRelease,
  decideRenew,
  decideReport,
  decideRestore,
  decideRestoreCredit,
  decideRetire,
  decideSubmit,
  DEFAULT_POLICY,
  explain,
  hostView,
  jobDetail,
  jobSummary,
  whyHost,
  whyJob,
  whyUnit,
  type CoordinatorStore,
  type CorePolicy,
  type JobEntry,
  type SettledUnit
} from '../core/index.ts'
import type { CheckpointShelf } from '../checkpoints/checkpoint-shelf.ts'
import { CheckpointDesk } from './checkpoint-desk.ts'
import { GroupCommit } from './group-commit.ts'
import { refuseUnlessRun, verdictsOn, type JobPrograms } from './job-programs.ts'
import { fleet, LiveFeed } from './live-feed.ts'
import { Sweeper } from './sweeper.ts'
import { TrustDesk } from './trust-desk.ts'

export interface CoordinatorInit extends JobPrograms {
  readonly store: CoordinatorStore
  /** Epoch ms. */
  readonly now: () => number
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly hasBlob: (sha256: ContentHash) => Promise<boolean>
  /** Where saved states of unfinished units are kept for other hosts. Without it none are. */
  readonly checkpoints?: CheckpointShelf
  /** Asked at each decision. */
  readonly policy?: () => CorePolicy
  /** Hears of what goes wrong in the background and is tried again. */
  readonly onFault?: (error: unknown) => void
}

/** Leases past their deadline are taken back this often. */
export const EXPIRE_INTERVAL_MS = 1_000

export function createCoordinator(init: CoordinatorInit): Coordinator {
  const { store, now, random, hasBlob, policy = () => DEFAULT_POLICY, onFault = () => undefined } = init
  const feed = new LiveFeed(() => commits.state)
  const commits = new GroupCommit({
    store,
    custom: init.custom,
    context: () => ({ now: now(), random, policy: policy() }),
    onCommitted: (events) => {
      feed.committed(events)
      sweeper.committed(events)
      trust.committed(events)
    }
  })
  const trust = new TrustDesk({ store, commits })
  const sweeper = new Sweeper({ store, commits, onFault })
  const desk = init.checkpoints === undefined ? null : new CheckpointDesk({ commits, shelf: init.checkpoints, onFault })
  const expiring = setInterval(() => {
    commits.execute(decideExpire, { type: 'expire' }).catch(() => undefined) // A full disk is met again, and told, by the next request.
  }, EXPIRE_INTERVAL_MS)
  let closed = false

  const jobEntry = (id: JobId): JobEntry => {
    const job = commits.state.jobs.get(id)
    if (job === undefined) throw new PeerComputeError('JOB_NOT_FOUND', `no job has the id ${id}`)
    return job
  }
  const holdsValues: Coordinator['holdsValues'] = (id, { start, count }) => {
    const job = commits.state.jobs.get(id)
    return job !== undefined && job.settled.covers(start, count) && !job.notHeld.meets(start, count)
  }
  const control = (type: 'cancel' | 'pause' | 'resume') => async (job: JobId, why?: ReasonCode) => {
    await commits.execute(decideControl, { type, job, ...(why === undefined ? {} : { why }) })
  }
  const missing = async (spec: JobSpec): Promise<ContentHash[]> => {
    const wanted = blobsOf(spec)
    const present = await Promise.all(wanted.map(hasBlob))
    return wanted.filter((_, index) => present[index] !== true)
  }
  const blobArrived = async (sha256: ContentHash) => {
    await commits.execute(decideBlobArrived, { type: 'blob-arrived', sha256 })
  }

  return {
    submit: async (signed: SignedSpec, custodial: boolean, held = false) => {
      refuseUnlessRun(signed.spec, init)
      const id = jobIdOf(signed.author, signed.spec)
      const missingBlobs = await missing(signed.spec)
      const { created } = await commits.execute(decideSubmit, { type: 'submit', job: id, signed, custodial, missingBlobs, held })
      // A blob may have come between the look and the decision.
      for (const sha256 of missingBlobs) if (await hasBlob(sha256)) await blobArrived(sha256)
      const job = jobEntry(id)
      return { id, state: job.state, custodial: job.custodial, created, missingBlobs: [...job.missingBlobs] }
    },
    restore: async (remembered) => {
      const { signed } = remembered
      const job = jobIdOf(signed.author, signed.spec)
      const missingBlobs = remembered.ended === null ? await missing(signed.spec) : []
      const { units } = await commits.execute(decideRestore, { type: 'restore', job, missingBlobs, ...remembered })
      return { missingBlobs, units }
    },
    restoreCredit: async (credit) => {
      await commits.execute(decideRestoreCredit, { type: 'restore-credit', credit })
    },
    approve: async (author) => {
      const { jobs } = await commits.execute(decideApprove, { type: 'approve', author })
      return jobs
    },
    retire: async (jobs) => {
      await commits.execute(decideRetire, { type: 'retire', jobs })
    },
    blobArrived,
    cancel: control('cancel'),
    pause: control('pause'),
    resume: control('resume'),
    hostConnected: async (host) => {
      await commits.execute(decideConnect, { type: 'connect', host })
    },
    hostDisconnected: async (host) => {
      await commits.execute(decideDisconnect, { type: 'disconnect', host })
    },
    ask: (host, request) => commits.execute(decideAsk, { type: 'ask', host, ...request }),
    report: async (report, bytes) => {
      const values = split(report, bytes)
      const verdicts = verdictsOn(init.judge, commits.state.jobs.get(report.job), report, values)
      return commits.execute(decideReport, { type: 'report', report, values, ...(verdicts === null ? {} : { verdicts: await verdicts }) })
    },
    renew: (host, leases) => commits.execute(decideRenew, { type: 'renew', host, leases }),
    release: async (host, job, epoch) => {
      await commits.execute(decideRelease, { type: 'release', host, job, epoch })
    },
    keepsCheckpoints: desk !== null,
    checkpoint: async (host, name, state) => desk !== null && desk.take(host, name, state),
    reopenings: () => store.reopenings(),
    reopeningsTold: (upTo) => {
      store.reopeningsTold(upTo)
    },
    retired: () => new Set([...commits.state.jobs.values()].filter(({ retired }) => retired).map(({ id }) => id)),
    holdsValues,
    settledRanges: (id) => [...(commits.state.jobs.get(id)?.settled.ranges() ?? [])],
    settledDigests: (id, range) => {
      if (!holdsValues(id, range)) return null
      const { start, count } = range
      const units = store.settledDigests(id, start, start + count)
      // One of them may be decided and not on disk yet.
      return units.length === count ? units.map(({ digest }) => digest) : null
    },
    settledUnits: (id, from, limit) => store.settledUnits(jobEntry(id).id, from, limit),
    unitMicroCredits: (id) => jobEntry(id).unitMicroCredits,
    signedSpec: (job) => commits.state.jobs.get(job)?.signed,
    jobs: ({ limit, cursor }) => {
      const newestFirst = [...commits.state.jobs.values()].reverse()
      const start = cursor === undefined ? 0 : newestFirst.findIndex((job) => job.id === cursor) + 1
      const items = newestFirst.slice(start, start + limit)
      const last = items.at(-1)
      return { items: items.map(jobSummary), next: last !== undefined && start + limit < newestFirst.length ? last.id : null }
    },
    job: (id) => jobDetail(commits.state, jobEntry(id), policy()),
    why: (id, unit) => {
      const job = jobEntry(id)
      if (unit === undefined) return explain(whyJob(commits.state, job, policy()))
      if (unit >= job.signed.spec.unitCount)
        throw new PeerComputeError('REQUEST_INVALID', `the job has units 0 to ${job.signed.spec.unitCount - 1}, not ${unit}`)
      return explain(whyUnit(commits.state, job, unit, policy()))
    },
    whyHost: (id) => {
      const host = commits.state.hosts.get(id)
      if (host === undefined) throw new PeerComputeError('NOT_FOUND', `no host has the key ${id}`)
      return explain(whyHost(commits.state, host, policy()))
    },
    standing: (id) => trust.standing(jobEntry(id)),
    replicas: (id, unit) => trust.replicas(jobEntry(id), unit),
    reputation: (id) => trust.reputation(id),
    reputedHosts: () => trust.reputedHosts(),
    pardon: (id) => trust.pardon(id),
    hosts: () => [...commits.state.hosts.values()].map(hostView),
    fleet: () => fleet(commits.state),
    credit: () => commits.state.credit,
    creditBooks: () => creditBooks(commits.state),
    results: (id, { from, limit }) => {
      const { spec } = jobEntry(id).signed
      const units = store.settledUnits(id, from, limit + 1)
      const rows = units.slice(0, limit).map((unit) => resultRow(spec, unit))
      return Promise.resolve({ rows, next: units[limit]?.unit ?? null })
    },
    values: (id, { start, count }) => {
      jobEntry(id)
      const units = store.settledUnits(id, start, count).filter(({ unit }) => unit < start + count)
      return Promise.resolve(units.map(({ unit, value }) => ({ unit, value })))
    },
    onLive: (listener) => feed.onLive(listener),
    onSettlement: (listener) => feed.onSettlement(listener),
    close: () => {
      if (!closed) {
        closed = true
        clearInterval(expiring)
        desk?.close()
        sweeper.close()
        commits.flush()
        feed.close()
        store.close()
      }
      return Promise.resolve()
    }
  }
}

function blobsOf(spec: JobSpec): ContentHash[] {
  return [...new Set(jobBlobs(spec).map(({ sha256 }) => sha256))]
}

/** Cuts the attachment into the successful units' values. Throws FRAME_INVALID when the lengths do not add up. */
function split(report: Report, values: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = []
  let offset = 0
  for (const unit of report.units) {
    if (unit.outcome === 'failure') continue
    // Copied, so that a settled unit does not keep its whole frame alive.
    parts.push(values.slice(offset, offset + unit.bytes))
    offset += unit.bytes
  }
  if (offset !== values.length) throw new PeerComputeError('FRAME_INVALID', `the values take ${offset} bytes, ${values.length} came`)
  return parts
}

function resultRow(spec: JobSpec, unit: SettledUnit): ResultRow {
  const values = Object.fromEntries(spec.outputs.map(({ name }) => [name, outputElements(spec.outputs, name, unit.value).map(jsonNumber)]))
  return {
    unit: unit.unit,
    digest: unit.digest,
    settledAt: unit.settledAt,
    values,
    independence: spec.verification.independence,
    votes: unit.votes.map(({ holder, numericClass, epoch, verdict }) => ({
      host: holder.host,
      account: holder.account,
      executor: holder.executor,
      numericClass,
      epoch,
      verdict
    }))
  }
}

/** JSON has no NaN and no infinities: they go as words. */
function jsonNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}
