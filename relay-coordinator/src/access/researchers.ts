/** Who may publish signed jobs: everybody, or whom the operator has approved of. */
import { PeerComputeError, type AuthorId, type ResearcherDecision, type ResearcherView } from '@peercompute/job-specs'
import type { Coordinator } from '../coordinator.ts'
import type { AccessStore } from './access-store.ts'
import { cancelOpenJobs } from './open-jobs.ts'

/** What becomes of the first job of an author: it is taken, or waits until an operator has decided. */
export const newResearcherPolicies = ['admit', 'ask'] as const
export type NewResearchers = (typeof newResearcherPolicies)[number]

/** More cannot wait: a queue that nobody can read is no queue, and keys cost nothing. */
export const WAITING_MAX = 1_000

export interface Researchers {
  /**
   * How a signed job of this author is to be taken. A new one is noted with the name that its job gives.
   * Throws RESEARCHER_REFUSED, or RATE_LIMITED when too many wait already.
   */
  meet(author: AuthorId, name: string): 'admit' | 'hold'
  /** They had jobs here before this database knew of them. */
  remember(authors: Iterable<AuthorId>): void
  list(): readonly ResearcherView[]
  /** Its waiting jobs begin. An author who has not asked yet need not ask. */
  approve(author: AuthorId, by: string): Promise<ResearcherDecision>
  /** Its open jobs are cancelled, and later ones refused. */
  refuse(author: AuthorId, by: string): Promise<ResearcherDecision>
}

export interface ResearchersInit {
  readonly store: AccessStore
  readonly coordinator: Pick<Coordinator, 'jobs' | 'cancel' | 'approve'>
  readonly newResearchers: NewResearchers
  /** Epoch ms. */
  readonly now: () => number
}

export function createResearchers({ store, coordinator, newResearchers, now }: ResearchersInit): Researchers {
  function decide(author: AuthorId, status: 'approved' | 'refused', by: string): ResearcherView {
    const at = now()
    const known = store.researcher(author)
    const decided: ResearcherView = { author, name: known?.name ?? '', askedAt: known?.askedAt ?? at, status, decidedAt: at }
    store.putResearcher(decided, { kind: `researcher-${status}`, body: { author, by }, at })
    return decided
  }

  return {
    meet(author, name) {
      const known = store.researcher(author)
      if (known?.status === 'approved') return 'admit'
      if (known?.status === 'refused') throw new PeerComputeError('RESEARCHER_REFUSED', `jobs of ${author} are not taken here`)
      if (known !== null) return 'hold'
      const at = now()
      if (newResearchers === 'admit') {
        store.putResearcher({ author, name, status: 'approved', askedAt: at, decidedAt: at })
        return 'admit'
      }
      if (store.waitingResearchers() >= WAITING_MAX)
        throw new PeerComputeError('RATE_LIMITED', `${WAITING_MAX} researchers wait for the operator's approval already`)
      store.putResearcher(
        { author, name, status: 'waiting', askedAt: at, decidedAt: null },
        { kind: 'researcher-asked', body: { author, name }, at }
      )
      return 'hold'
    },

    remember(authors) {
      const at = now()
      for (const author of new Set(authors))
        if (store.researcher(author) === null) store.putResearcher({ author, name: '', status: 'approved', askedAt: at, decidedAt: at })
    },

    list: () => store.researchers(),

    async approve(author, by) {
      const researcher = decide(author, 'approved', by)
      return { researcher, jobs: [...(await coordinator.approve(author))] }
    },

    async refuse(author, by) {
      const researcher = decide(author, 'refused', by)
      return { researcher, jobs: [...(await cancelOpenJobs(coordinator, author, 'researcher_refused'))] }
    }
  }
}
