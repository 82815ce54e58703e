/** Whether the votes of a unit receipt bear out what it says: a value settled by its job's policy, by hosts that are independent. */
import { mustBeEqual } from '../compare.ts'
import type { ReceiptVote, UnitReceipt } from '../receipt.ts'
import type { Independence } from '../verification.ts'

export interface Problem {
  /** Inside the receipt, such as `votes.1.digest`. */
  readonly field: string
  readonly why: string
}

export function voteProblems(receipt: UnitReceipt): readonly Problem[] {
  const { votes, digest, policy } = receipt
  const problems: Problem[] = []
  const problem = (field: string, why: string) => {
    problems.push({ field, why })
  }
  const canonical = votes.filter(({ verdict }) => verdict === 'canonical')
  if (canonical.length !== 1) problem('votes', `${canonical.length} of them are canonical instead of one`)
  const epochs = new Set<number>()
  // A program of the job's own may measure as it likes.
  const measured = policy.comparator.kind !== 'custom'
  for (const [index, vote] of votes.entries()) {
    const at = `votes.${index}`
    if (epochs.has(vote.epoch)) problem(`${at}.epoch`, `two results of one lease (${vote.epoch})`)
    epochs.add(vote.epoch)
    const same = vote.digest === digest
    if (vote.verdict === 'canonical' && !same) problem(`${at}.digest`, 'it is canonical, and is not the digest of the unit')
    if (measured && same && vote.metric !== 0)
      problem(`${at}.metric`, `its value is the canonical one, and it is said to be ${vote.metric} away`)
    if (measured && vote.verdict !== 'rejected' && vote.metric > vote.bound)
      problem(`${at}.verdict`, `it counts as agreeing with a distance of ${vote.metric}, where ${vote.bound} is allowed`)
    if (vote.verdict === 'agrees' && !same && policy.comparator.kind === 'exact')
      problem(`${at}.verdict`, 'it counts as agreeing with another digest, where the job asks for equal bytes')
    // A job's own verifier rejects without comparing; a device of the same class must have given the same bytes.
    const isStrict = !same && canonical.some((leading) => mustBeEqual(policy.comparator, leading, vote))
    if (measured && vote.verdict === 'rejected' && policy.policy !== 'verifier' && !isStrict && vote.metric <= vote.bound)
      problem(`${at}.verdict`, `it is rejected with a distance of ${vote.metric}, where ${vote.bound} is allowed`)
  }
  const short = policyProblem(receipt)
  return short === null ? problems : [...problems, short]
}

function policyProblem({ votes, policy, independence, errorProbability }: UnitReceipt): Problem | null {
  const agreeing = votes.filter(({ verdict }) => verdict !== 'rejected')
  const independent = new Set(agreeing.map((vote) => identity(vote, independence))).size
  switch (policy.policy) {
    case 'quorum':
      return independent >= policy.quorum
        ? null
        : { field: 'votes', why: `${independent} independent results (${independence}) agree, and the quorum is ${policy.quorum}` }
    case 'adaptive':
      // One alone may be believed after enough agreements in a row.
      return independent >= policy.quorum || agreeing.length === 1
        ? null
        : {
            field: 'votes',
            why: `${independent} independent results (${independence}) agree: neither one that is believed alone nor ${policy.quorum}`
          }
    case 'credibility':
      if (independent < agreeing.length) return { field: 'votes', why: `results that agree are not independent (${independence})` }
      return errorProbability <= policy.errorProbability
        ? null
        : { field: 'errorProbability', why: `${errorProbability}, and at most ${policy.errorProbability} was asked for` }
    case 'verifier':
      return independent < agreeing.length ? { field: 'votes', why: `results that agree are not independent (${independence})` } : null
  }
}

/** What two independent results do not share, as far as a receipt names it: networks are the coordinator's word. */
function identity({ host, account, executor }: ReceiptVote, independence: Independence): string {
  switch (independence) {
    case 'executor':
      return `${host}/${executor}`
    case 'host':
      return host
    case 'owner':
    case 'subnet':
      return account
  }
}
