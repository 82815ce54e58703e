/** Holders by number: a row names who computed it in a few bytes, and writes nobody's keys again and again. */
import type { DatabaseSync } from 'node:sqlite'
import { accountIdSchema, executorKindSchema, hostIdSchema, PeerComputeError } from '@peercompute/job-specs'
import { z } from 'zod'
import type { Holder, Voice } from '../core/index.ts'

export const holderSchema = z.object({ host: hostIdSchema, account: accountIdSchema, subnet: z.string(), executor: executorKindSchema })
/** `resumed`: numbers of those whose states it went on from, of holders that went on from none. */
const rowSchema = holderSchema.extend({
  resumed: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(z.array(z.int()).max(64))
})
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
    this.#insert = database.prepare('INSERT INTO holders (host, account, subnet, executor, resumed) VALUES (?, ?, ?, ?, ?)')
    this.#find = database.prepare('SELECT no FROM holders WHERE host = ? AND account = ? AND subnet = ? AND executor = ? AND resumed = ?')
    this.#read = database.prepare('SELECT host, account, subnet, executor, resumed FROM holders WHERE no = ?')
  }

  /** Makes the row when there is none: call it inside a transaction, and `forget` when that is taken back. */
  numberOf(holder: Holder): number {
    const known = this.#numbers.get(holder)
    if (known !== undefined) return known
    const { host, account, subnet, executor, resumed = [] } = holder
    const from = JSON.stringify(resumed.map((voice) => this.numberOf(voice)))
    const key = `${host}${account}${executor}/${subnet}${from}`
    const no = this.#byKey.get(key) ?? Number(this.#find.get(host, account, subnet, executor, from)?.['no'] ?? this.#add(holder, from))
    if (this.#byKey.size >= CACHED_MAX) this.#byKey.clear()
    this.#byKey.set(key, no)
    this.#numbers.set(holder, no)
    return no
  }

  holder(no: number): Holder {
    const known = this.#holders.get(no)
    if (known !== undefined) return known
    const parsed = rowSchema.safeParse(this.#read.get(no))
    if (!parsed.success) throw new PeerComputeError('STORE_DAMAGED', `the database names the holder ${no}, and has no such row`)
    const { resumed, ...voice } = parsed.data
    const holder: Holder = resumed.length === 0 ? voice : { ...voice, resumed: resumed.map((other) => this.#voice(other, no)) }
    if (this.#holders.size >= CACHED_MAX) this.#holders.clear()
    this.#holders.set(no, holder)
    return holder
  }

  /** Rows name only rows before them, so that no row can lead back to itself. */
  #voice(no: number, before: number): Voice {
    if (no >= before) throw new PeerComputeError('STORE_DAMAGED', `the holder ${before} of the database names ${no}, which came later`)
    return this.holder(no)
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

  #add({ host, account, subnet, executor }: Holder, from: string): number {
    return Number(this.#insert.run(host, account, subnet, executor, from).lastInsertRowid)
  }
}
