/** Holders by number: a row names who computed it in a few bytes, and writes nobody's keys again and again. */
import type { DatabaseSync } from 'node:sqlite'
import { accountIdSchema, executorKindSchema, hostIdSchema, PeerComputeError } from '@peercompute/job-specs'
import { z } from 'zod'
import type { Holder } from '../core/index.ts'

export const holderSchema = z.object({ host: hostIdSchema, account: accountIdSchema, subnet: z.string(), executor: executorKindSchema })
/** Then the numbers are looked up in the table again. */
const CACHED_MAX = 20_000

export class HolderTable {
  readonly #insert
  readonly #find
  readonly #read
  /** A lease's holder is one object for all of its results. */
  #numbers = new WeakMap<Holder, number>()
  #byKey = new Map<string, number>()
  #holders = new Map<number, Holder>()

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare('INSERT INTO holders (host, account, subnet, executor) VALUES (?, ?, ?, ?)')
    this.#find = database.prepare('SELECT no FROM holders WHERE host = ? AND account = ? AND subnet = ? AND executor = ?')
    this.#read = database.prepare('SELECT host, account, subnet, executor FROM holders WHERE no = ?')
  }

  /** Makes the row when there is none: call it inside a transaction, and `forget` when that is taken back. */
  numberOf(holder: Holder): number {
    const known = this.#numbers.get(holder)
    if (known !== undefined) return known
    const { host, account, subnet, executor } = holder
    const key = `${host}${account}${executor}/${subnet}`
    const no = this.#byKey.get(key) ?? Number(this.#find.get(host, account, subnet, executor)?.['no'] ?? this.#add(holder))
    if (this.#byKey.size >= CACHED_MAX) this.#byKey.clear()
    this.#byKey.set(key, no)
    this.#numbers.set(holder, no)
    return no
  }

  holder(no: number): Holder {
    const known = this.#holders.get(no)
    if (known !== undefined) return known
    const parsed = holderSchema.safeParse(this.#read.get(no))
    if (!parsed.success) throw new PeerComputeError('STORE_DAMAGED', `the database names the holder ${no}, and has no such row`)
    if (this.#holders.size >= CACHED_MAX) this.#holders.clear()
    this.#holders.set(no, parsed.data)
    return parsed.data
  }

  /** As rows have it: a number, or JSON in those written by the first versions. */
  parse(text: string): Holder {
    return text.startsWith('{') ? holderSchema.parse(JSON.parse(text)) : this.holder(Number(text))
  }

  /** A transaction was taken back, and its rows with it. */
  forget(): void {
    this.#numbers = new WeakMap()
    this.#byKey = new Map()
    this.#holders = new Map()
  }

  #add({ host, account, subnet, executor }: Holder): number {
    return Number(this.#insert.run(host, account, subnet, executor).lastInsertRowid)
  }
}
