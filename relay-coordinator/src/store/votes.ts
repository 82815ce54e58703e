/**
 * Votes as a settled row has them: `[epoch, holder, numeric class, verdict, compute ms, probe version, digest, metric, bound]`, the verdict by
 * its first letter. What is as usual at the end is left out: probe version 1, the unit's own digest (0 stands for it), metric and bound 0.
 */
import { contentHashSchema, PeerComputeError, type ContentHash } from '@peercompute/job-specs'
import { z } from 'zod'
import type { Vote } from '../core/index.ts'
import { holderSchema, type HolderTable } from './holders.ts'

export const VERDICTS = ['canonical', 'agrees', 'rejected'] as const satisfies readonly Vote['verdict'][]
const LETTERS = { canonical: 'c', agrees: 'a', rejected: 'r' } as const
const BY_LETTER = { c: 'canonical', a: 'agrees', r: 'rejected' } as const

/** Version 3 of the tables had the first four only. */
const compact = z.tuple([
  z.int(),
  z.int(),
  z.string(),
  z.enum(['c', 'a', 'r']),
  z.number().optional(),
  z.int().optional(),
  z.union([contentHashSchema, z.literal(0)]).optional(),
  z.number().optional(),
  z.number().optional()
])
/** Versions 1 and 2. */
const spelledOut = z.object({ epoch: z.int(), holder: holderSchema, numericClass: z.string(), verdict: z.enum(VERDICTS) })
const votesSchema = z.array(z.union([compact, spelledOut]))

/** `digest`: the unit's. */
export function encodeVotes(votes: readonly Vote[], holders: HolderTable, digest: ContentHash): string {
  return JSON.stringify(
    votes.map((vote) => {
      const { epoch, holder, numericClass, verdict, computeMs, probeVersion, metric, bound } = vote
      const short = [epoch, holders.numberOf(holder), numericClass, LETTERS[verdict], computeMs]
      if (metric !== 0 || bound !== 0) return [...short, probeVersion, vote.digest === digest ? 0 : vote.digest, metric, bound]
      if (vote.digest !== digest) return [...short, probeVersion, vote.digest]
      return probeVersion === 1 ? short : [...short, probeVersion]
    })
  )
}

/** Throws STORE_DAMAGED. */
export function decodeVotes(text: string, holders: HolderTable, digest: ContentHash): readonly Vote[] {
  const parsed = votesSchema.safeParse(JSON.parse(text))
  if (!parsed.success) throw new PeerComputeError('STORE_DAMAGED', 'the votes of a settled unit in the database cannot be read')
  return parsed.data.map((vote) => {
    if (!Array.isArray(vote)) return { ...vote, probeVersion: 1, digest, computeMs: 0, metric: 0, bound: 0 }
    const [epoch, holder, numericClass, letter, computeMs = 0, probeVersion = 1, own = 0, metric = 0, bound = 0] = vote
    return {
      epoch,
      holder: holders.holder(holder),
      numericClass,
      probeVersion,
      verdict: BY_LETTER[letter],
      digest: own === 0 ? digest : own,
      computeMs,
      metric,
      bound
    }
  })
}
