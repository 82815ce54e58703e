/** Fixed keys, certificates and jobs, so that a failing test can be repeated byte for byte. */
import {
  certifyCoordinator,
  certifyHost,
  concat,
  importPrivateKey,
  jobSpecSchema,
  sha256Hex,
  signSpec,
  type AuthorId,
  type JobSpec,
  type KeyPair,
  type SignedSpec
} from '@peercompute/job-specs'
import { createLedger, memoryLedgerStore, type FeedWriter, type Ledger, type LedgerInit } from '@peercompute/ledger'

/** DER of a PKCS#8 Ed25519 key (RFC 8410) up to the 32 bytes of the seed. */
const PKCS8_PREFIX = Uint8Array.from([0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20])

/** `seed`: 0 … 255, repeated 32 times as the private key. */
export function fixedKey(seed: number): Promise<KeyPair> {
  return importPrivateKey(concat([PKCS8_PREFIX, new Uint8Array(32).fill(seed)]))
}

export const TIME = 1_750_000_000_000

export function authorOf(key: KeyPair): AuthorId {
  return key.publicKey as AuthorId
}

/** At the beginning of time, so that first epochs are 0. */
export function newLedger(init: Partial<LedgerInit> = {}): Ledger {
  return createLedger({ now: () => 0, store: memoryLedgerStore(), ...init })
}

export async function openInstallation(ledger: Ledger, key: KeyPair, account: KeyPair): Promise<FeedWriter> {
  const writer = ledger.writer(key)
  await writer.append('feed.open', { certificate: await certifyHost(account, key.publicKey, 'test', TIME) })
  return writer
}

export async function openCoordinator(ledger: Ledger, key: KeyPair, root: KeyPair, serial = 1): Promise<FeedWriter> {
  const writer = ledger.writer(key)
  await writer.append('coordinator.open', { certificate: await certifyCoordinator(root, key.publicKey, serial, TIME) })
  return writer
}

export function spec(name: string): JobSpec {
  const blob = { sha256: sha256Hex(new Uint8Array(1)), bytes: 1, chunkBytes: 262_144 }
  return jobSpecSchema.parse({
    v: 1,
    name,
    title: name,
    description: '',
    researcher: '',
    revision: 1,
    kernel: { name: 'n-queens', abi: 1, js: { blob } },
    params: {},
    unitCount: 100,
    inputs: [],
    outputs: [{ name: 'count', type: 'u32', shape: [1] }],
    verification: { policy: 'quorum', quorum: 2, independence: 'host', comparator: { kind: 'exact' }, maxResults: 8 },
    reduce: { kind: 'none' },
    limits: { unitSeconds: 10, outputBytes: 1024, memoryBytes: 1_048_576 },
    unitOperations: 1000
  })
}

export function signedJob(author: KeyPair, name: string): Promise<SignedSpec> {
  return signSpec(author, spec(name))
}

/** The whole of a feed as one update. */
export function wholeFeed(ledger: Ledger, writer: FeedWriter): Uint8Array {
  const update = ledger.updateFrom(writer.feed, 0)
  if (update === null) throw new Error('the feed is empty')
  return update
}
