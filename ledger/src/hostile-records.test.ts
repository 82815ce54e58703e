/** Well-shaped updates whose records lie: about place, author, past, or form. */
import { canonicalBytes, concat, encodeRecord, fromBase64Url, NO_PREVIOUS, recordHash, sign, type KeyPair } from '@peercompute/job-specs'
import { expect, test } from 'vitest'
import { newLedger, openInstallation, TIME, wholeFeed } from '../test/fixtures.ts'
import { bytesOf } from '../test/forge.ts'
import {
  victim,
  account,
  evil,
  job,
  source,
  writer,
  feed,
  client,
  honest,
  records,
  newReplica,
  expectRefused,
  recordAfter
} from '../test/hostile-scene.ts'
import { writeFeedUpdate } from './feed-update.ts'
import { verifyEquivocation } from './index.ts'

test('a record at another place than its sequence number is refused', async () => {
  await expectRefused(writeFeedUpdate(client, { from: 3, records: [bytesOf(records, 2)] }), 'record', 'gap')
})

test('a record of another epoch of the same author is refused', async () => {
  const strayed = await encodeRecord(
    victim,
    { epoch: 1, head: { epoch: 1, seq: 2, hash: recordHash(bytesOf(records, 2)) } },
    'job.cancel',
    { job },
    TIME
  )
  await expectRefused(writeFeedUpdate(client, { from: 3, records: [strayed] }), 'record', 'gap')
})

test('a record signed by somebody else is refused, even when it names the author', async () => {
  const hash = recordHash(bytesOf(records, 2))
  await expectRefused(writeFeedUpdate(client, { from: 3, records: [await recordAfter(3, hash, evil)] }), 'record', 'gap')
  const impostor: KeyPair = { publicKey: victim.publicKey, privateKey: evil.privateKey }
  await expectRefused(writeFeedUpdate(client, { from: 3, records: [await recordAfter(3, hash, impostor)] }), 'signature', 'gap')
})

test('a broken hash chain is refused', async () => {
  const impostor: KeyPair = { publicKey: victim.publicKey, privateKey: evil.privateKey }
  await expectRefused(writeFeedUpdate(client, { from: 3, records: [await recordAfter(3, 'a'.repeat(64))] }), 'chain', 'gap')
  await expectRefused(writeFeedUpdate(client, { from: 3, records: [await recordAfter(3, 'a'.repeat(64), impostor)] }), 'signature', 'gap')
})

test('bytes that are not the canonical form are refused, though the signature over the content holds', async () => {
  const replica = await newReplica()
  const body = {
    v: 1,
    type: 'job.cancel',
    author: victim.publicKey,
    epoch: 0,
    seq: 3,
    prev: recordHash(bytesOf(records, 2)),
    ts: TIME,
    body: { job }
  }
  const signature = fromBase64Url(await sign(victim, 'record', body))
  const spaced = concat([signature, new TextEncoder().encode(JSON.stringify(body, null, 1))])
  await expectRefused(writeFeedUpdate(client, { from: 3, records: [spaced] }), 'record', 'gap')
  const polluted = concat([
    signature,
    canonicalBytes(JSON.parse(JSON.stringify({ ...body, body: { job, x: 1 } }).replace('"x"', '"__proto__"')) as object)
  ])
  await expectRefused(writeFeedUpdate(client, { from: 3, records: [polluted] }), 'record', 'gap')
  expect(await replica.admit(feed, writeFeedUpdate(client, { from: 3, records: [concat([signature, canonicalBytes(body)])] }))).toEqual({
    applied: true,
    records: 1
  })
})

test('a feed that does not begin with an opening is refused', async () => {
  const update = writeFeedUpdate(client, { from: 0, records: [await recordAfter(0, NO_PREVIOUS)] })
  expect(await newLedger().admit(feed, update)).toEqual({ applied: false, refusal: 'record' })
})

test('a feed whose opening certificate is forged or names another host is refused', async () => {
  const other = newLedger()
  const stranger = await openInstallation(other, evil, account)
  const opening = other.entries(stranger.feed)[0]?.record.body['certificate'] as Record<string, unknown>
  for (const certificate of [opening, { ...opening, host: victim.publicKey }]) {
    const record = await encodeRecord(victim, { epoch: 0, head: null }, 'feed.open', { certificate } as never, TIME)
    expect(await newLedger().admit(feed, writeFeedUpdate(client, { from: 0, records: [record] }))).toEqual({
      applied: false,
      refusal: 'record'
    })
  }
})

test('one bad record refuses the whole update', async () => {
  const good = await recordAfter(3, recordHash(bytesOf(records, 2)))
  const bad = (await recordAfter(4, recordHash(good))).slice()
  bad[0] = (bad[0] ?? 0) ^ 1
  await expectRefused(writeFeedUpdate(client, { from: 3, records: [good, bad] }), 'signature', 'gap')
})

test('two records signed for one place are proof of equivocation, and end that feed before them, no other', async () => {
  const replica = await newReplica()
  const other = newLedger()
  const theirs = await openInstallation(other, evil, account)
  await replica.admit(theirs.feed, wholeFeed(other, theirs))
  const fork = await recordAfter(2, recordHash(bytesOf(records, 1)), victim, TIME + 1)
  const answer = await replica.admit(feed, writeFeedUpdate(client, { from: 2, records: [fork] }))
  expect(answer).toMatchObject({ applied: false, refusal: 'equivocation' })
  if (answer.applied || answer.proof === undefined) throw new Error('no proof')
  expect(answer.proof).toEqual({ feed, seq: 2, held: bytesOf(records, 2), met: fork })
  expect(await verifyEquivocation(answer.proof)).toBe(true)
  expect(await verifyEquivocation({ ...answer.proof, met: answer.proof.held })).toBe(false)
  expect(await verifyEquivocation({ ...answer.proof, met: new Uint8Array(200) })).toBe(false)
  await writer.append('job.cancel', { job })
  const rest = source.updateFrom(feed, 3)
  if (rest === null) throw new Error('no rest')
  expect(await replica.admit(feed, rest)).toMatchObject({ applied: false, refusal: 'equivocation' })
  expect(replica.entries(feed)).toHaveLength(2)
  await theirs.append('job.cancel', { job })
  expect(await replica.admit(theirs.feed, wholeFeed(other, theirs))).toEqual({ applied: true, records: 1 })
})

test('nobody but the author can make a feed look forked', async () => {
  const replica = await newReplica()
  const forged = bytesOf(records, 2).slice()
  forged[3] = (forged[3] ?? 0) ^ 1
  await expectRefused(writeFeedUpdate(client, { from: 2, records: [forged] }), 'signature', 'gap')
  const next = await recordAfter(3, recordHash(bytesOf(records, 2)))
  expect(await replica.admit(feed, writeFeedUpdate(client, { from: 3, records: [next] }))).toEqual({ applied: true, records: 1 })
})

test('an author whose feed forked goes on in the next epoch', async () => {
  const own = newLedger()
  await own.admit(feed, honest)
  const fork = await recordAfter(2, recordHash(bytesOf(records, 1)), victim, TIME + 1)
  await own.admit(feed, writeFeedUpdate(client, { from: 2, records: [fork] }))
  await own.writer(victim).append('job.cancel', { job })
  expect(own.heads()).toEqual([
    { ...feed, length: 2 },
    { ...feed, epoch: 1, length: 2 }
  ])
})
