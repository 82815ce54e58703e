/** Votes as a settled row has them: `[epoch, holder, numeric class, verdict]`, the verdict by its first letter. */
import { PeerComputeError, type ContentHash } from '@peercompute/job-specs'
import { z } from 'zod'
import type { Vote } from '../core/index.ts'
import { holderSchema, type HolderTable } from './holders.ts'

export const VERDICTS = ['canonical', 'agrees', 'rejected'] as const satisfies readonly Vote['verdict'][]
const LETTERS = { canonical: 'c', agrees: 'a', rejected: 'r' } as const
const BY_LETTER = { c: 'canonical', a: 'agrees', r: 'rejected' } as const

const compact = z.tuple([z.int(), z.int(), z.string(), z.enum(['c', 'a', 'r'])])
/** Versions 1 and 2. */
const spelledOut = z.object({ epoch: z.int(), holder: holderSchema, numericClass: z.string(), verdict: z.enum(VERDICTS) })
const votesSchema = z.array(z.union([compact, spelledOut]))

export function encodeVotes(votes: readonly Vote[], holders: HolderTable): string {
  return JSON.stringify(
    votes.map(({ epoch, holder, numericClass, verdict }) => [epoch, holders.numberOf(holder), numericClass, LETTERS[verdict]])
  )
}

export function decodeVotes(text: string, holders: HolderTable, digest: ContentHash): readonly Vote[] {
  const parsed = votesSchema.safeParse(JSON.parse(text))
  if (!parsed.success) throw new PeerComputeError('STORE_DAMAGED', 'the votes of a settled unit in the database cannot be read')
  return parsed.data.map((vote) => {
    const unknown = { probeVersion: 1, digest, computeMs: 0, metric: 0, bound: 0 }
    if (!Array.isArray(vote)) return { ...vote, ...unknown }
    const [epoch, holder, numericClass, letter] = vote
    return { epoch, holder: holders.holder(holder), numericClass, verdict: BY_LETTER[letter], ...unknown }
  })
}
