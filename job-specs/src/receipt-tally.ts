/** What a job receipt counts, from its unit receipts. Whoever signs it and whoever checks it run the same lines. */
import { toHex, type Bytes } from './bytes.ts'
import type { ContentHash } from './ids.ts'
import type { JobSpec } from './job.ts'
import { MerkleRoot } from './merkle.ts'
import { receiptLeaf, type JobReceiptBody, type UnitReceipt } from './receipt.ts'
import { emptyReduced, reduceUnit } from './reduce.ts'
import type { Reduced } from './verification.ts'

export type CountedReceipt = Pick<
  JobReceiptBody,
  | 'settled'
  | 'root'
  | 'executions'
  | 'executionsPerUnit'
  | 'errorProbability'
  | 'hosts'
  | 'accounts'
  | 'numericClasses'
  | 'reduced'
  | 'unitMicroCredits'
  | 'microCredits'
>

/** Memory: a name for each host and account, and O(log n) for the tree. */
export class ReceiptTally {
  readonly #spec: Pick<JobSpec, 'reduce' | 'outputs'>
  readonly #tree = new MerkleRoot()
  readonly #hosts = new Set<string>()
  readonly #accounts = new Set<string>()
  readonly #classes = new Set<string>()
  #executions = 0
  #agreeing = 0
  #doubt = 0
  #worst = 0
  #reduced: Reduced

  constructor(spec: Pick<JobSpec, 'reduce' | 'outputs'>) {
    this.#spec = spec
    this.#reduced = emptyReduced(spec.reduce)
  }

  /** In unit order. `value` has the length of the job's outputs. */
  add(receipt: UnitReceipt, value: Uint8Array, leaf: Bytes = receiptLeaf(receipt)): void {
    this.#tree.add(leaf)
    for (const { host, account, numericClass, probeVersion, verdict } of receipt.votes) {
      this.#hosts.add(host)
      this.#accounts.add(account)
      this.#classes.add(`${numericClass}/${probeVersion}`)
      if (verdict !== 'rejected') this.#agreeing++
    }
    this.#executions += receipt.votes.length
    this.#doubt += receipt.errorProbability
    this.#worst = Math.max(this.#worst, receipt.errorProbability)
    this.#reduced = reduceUnit(this.#spec.reduce, this.#spec.outputs, this.#reduced, receipt.unit, value)
  }

  counted(unitMicroCredits: number): CountedReceipt {
    const settled = this.#tree.size
    return {
      settled,
      root: toHex(this.#tree.root()) as ContentHash,
      executions: this.#executions,
      executionsPerUnit: settled === 0 ? null : this.#executions / settled,
      errorProbability: settled === 0 ? null : { mean: Math.min(1, this.#doubt / settled), worst: this.#worst },
      hosts: this.#hosts.size,
      accounts: this.#accounts.size,
      numericClasses: this.#classes.size,
      reduced: this.#reduced,
      unitMicroCredits,
      microCredits: this.#agreeing * unitMicroCredits
    }
  }
}
