/** An honest feed, and what becomes of an update that a hostile peer sends to replicas of it. */
import { encodeRecord, type JobId, type KeyPair, type RecordHead } from '@peercompute/job-specs'
import { feedClientId, type FeedName, type Ledger, type Refusal } from '@peercompute/ledger'
import { expect } from 'vitest'
import { fixedKey, newLedger, openInstallation, signedJob, TIME, wholeFeed } from './fixtures.ts'
import { recordsOf } from './forge.ts'

export const victim = await fixedKey(1)
export const account = await fixedKey(2)
export const evil = await fixedKey(66)
export const job = '0'.repeat(64) as JobId
export const source = newLedger()
export const writer = await openInstallation(source, victim, account)
await writer.append('job.publish', { signed: await signedJob(victim, 'honest') })
await writer.append('job.cancel', { job })
export const feed: FeedName = { ...writer.feed }
export const client = feedClientId(feed)
/** The feed's three records, as one update and one by one. */
export const honest = wholeFeed(source, writer)
export const records = recordsOf(honest)

export async function newReplica(): Promise<Ledger> {
  const replica = newLedger()
  await replica.admit(feed, honest)
  return replica
}

/** Refused with this reason by a replica that holds the feed, and by one that does not; neither is changed by it. */
export async function expectRefused(update: Uint8Array, refusal: Refusal, whenEmpty: Refusal = refusal): Promise<void> {
  const [replica, empty] = [await newReplica(), newLedger()]
  const before = replica.foldHash()
  expect(await replica.admit(feed, update)).toMatchObject({ applied: false, refusal })
  expect(await empty.admit(feed, update)).toMatchObject({ applied: false, refusal: whenEmpty })
  expect(replica.foldHash()).toBe(before)
  expect(empty.heads()).toEqual([])
}

/** A record that the key signs for this place. */
export function recordAfter(seq: number, prev: string, key: KeyPair = victim, ts = TIME): Promise<Uint8Array> {
  const head: RecordHead | null = seq === 0 ? null : { epoch: 0, seq: seq - 1, hash: prev }
  return encodeRecord(key, { epoch: 0, head }, 'job.cancel', { job }, ts)
}
