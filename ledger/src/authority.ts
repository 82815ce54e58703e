/**
 * Who may decide: operational keys certified by the pinned root, until a later one revokes them.
 *
 * Between feeds there is no order, so a revoked key's records count either all or not at all. Only a higher serial can revoke an
 * operational key: the root ranks them, and no two can strike each other out. Whoever revokes states anew what shall remain.
 *
 * What a checkpoint says of keys comes first: it stands for records that are no longer held.
 */
import type { AuthorId, KnownRecord, LedgerSnapshot } from '@peercompute/job-specs'

type Of<T extends KnownRecord['type']> = Extract<KnownRecord, { type: T }>

export class Authority {
  readonly #root: string
  /** Latest certificate of each operational key. */
  readonly #serials = new Map<AuthorId, number>()
  readonly #revocations = new Map<AuthorId, Set<AuthorId>>()
  /** For good: by records that the base sums up. */
  readonly #revokedBefore: ReadonlySet<AuthorId>
  readonly #revoked: Set<AuthorId>

  constructor(root: string, base?: Pick<LedgerSnapshot, 'coordinators' | 'revoked'>) {
    this.#root = root
    for (const { key, serial } of base?.coordinators ?? []) this.#serials.set(key, serial)
    this.#revokedBefore = new Set(base?.revoked)
    this.#revoked = new Set(base?.revoked)
  }

  get coordinators(): ReadonlyMap<AuthorId, number> {
    return new Map([...this.#serials].filter(([key]) => !this.#revoked.has(key)))
  }

  get revoked(): ReadonlySet<AuthorId> {
    return this.#revoked
  }

  isRevoked(key: AuthorId): boolean {
    return this.#revoked.has(key)
  }

  /** Rank of a coordinator's word: the serial of its key, or null when the author may not decide. */
  serialOf(author: AuthorId): number | null {
    return this.#revoked.has(author) ? null : (this.#serials.get(author) ?? null)
  }

  /** Takes a record into account. True when what other records are worth may have changed. */
  learn(record: Of<'coordinator.open'> | Of<'key.revoke'>): boolean {
    return record.type === 'coordinator.open' ? this.#certify(record) : this.#revoke(record)
  }

  #certify(record: Of<'coordinator.open'>): boolean {
    const { root, operational, serial } = record.body.certificate
    // Only a feed's first record had to be an opening; a certificate further down opens nothing.
    if (root.toString() !== this.#root || operational !== record.author || record.seq !== 0) return false
    if (serial <= (this.#serials.get(operational) ?? 0)) return false
    this.#serials.set(operational, serial)
    this.#decide()
    return true
  }

  #revoke(record: Of<'key.revoke'>): boolean {
    const { key } = record.body
    const known = this.#revocations.get(record.author) ?? new Set()
    this.#revocations.set(record.author, known.add(key))
    if (this.serialOf(record.author) === null || this.#revoked.has(key)) return false
    if (this.#serials.has(key)) this.#decide()
    else this.#revoked.add(key)
    return this.#revoked.has(key)
  }

  /** From the highest serial down, so that whether a revoker is itself revoked is known before its word is taken. */
  #decide(): void {
    this.#revoked.clear()
    for (const key of this.#revokedBefore) this.#revoked.add(key)
    for (const [revoker, serial] of [...this.#serials].sort(([, a], [, b]) => b - a)) {
      if (this.#revoked.has(revoker)) continue
      for (const key of this.#revocations.get(revoker) ?? []) {
        if (serial > (this.#serials.get(key) ?? 0)) this.#revoked.add(key)
      }
    }
  }
}
