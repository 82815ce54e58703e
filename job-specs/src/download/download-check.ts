/** Checks a download as it is read: no unit is kept, and all steps are gone through whatever fails before. */
import { equalBytes, fromBase64Url, toBase64Url, toHex } from '../bytes.ts'
import { canonicalBytes, sha256Hex } from '../canonical.ts'
import { verifyCoordinatorCertificate } from '../certificates.ts'
import type { JobId } from '../ids.ts'
import { unitValueBytes } from '../kernel.ts'
import { receiptBase, receiptLeaf, verifyJobReceipt, type JobReceipt, type ReceiptBase, type UnitReceipt } from '../receipt.ts'
import { ReceiptTally, type CountedReceipt } from '../receipt-tally.ts'
import { jobIdOf, verifySpec, type SignedSpec } from '../signed-spec.ts'
import { Findings, type CheckName, type CheckStep } from './check-steps.ts'
import { voteProblems } from './vote-problems.ts'

/** A ledger that was checked on its own: what the coordinator with this root has said of a job. */
export interface LedgerWord {
  readonly root: string
  /** Null: the ledger does not (or no longer) tell of this job's receipt. */
  readonly receiptRoot: string | null
}

export interface DownloadCheckInit {
  /** Root key that the reader got elsewhere. Without it nobody can know who the coordinator was. */
  readonly root?: string | undefined
  /** Root keys of coordinators that the reader has met before. */
  readonly known?: ReadonlySet<string>
  readonly ledger?: (job: JobId) => LedgerWord
}

export interface CheckReport {
  readonly holds: boolean
  readonly steps: readonly CheckStep[]
  readonly job: JobId | null
  readonly signed: SignedSpec | null
  readonly receipt: JobReceipt | null
  readonly units: number
}

export class DownloadCheck {
  readonly #init: DownloadCheckInit
  readonly #findings = new Findings()
  /** Steps that only some downloads have. */
  readonly #extra = new Map<CheckName, string>()
  #job: JobId | null = null
  #signed: SignedSpec | null = null
  #base: ReceiptBase | null = null
  #tally: ReceiptTally | null = null
  #last = -1
  #units = 0
  #receipt: JobReceipt | null = null
  #counted: CountedReceipt | null = null

  constructor(init: DownloadCheckInit = {}) {
    this.#init = init
  }

  fail(name: CheckName, place: string, why: string): void {
    this.#findings.fail(name, place, why)
  }

  /** Adds a step that held, as far as nothing of it has failed. */
  note(name: CheckName, detail: string): void {
    this.#extra.set(name, detail)
  }

  get job(): JobId | null {
    return this.#job
  }

  get signed(): SignedSpec | null {
    return this.#signed
  }

  /** Bytes of each value; null before the head. */
  get valueBytes(): number | null {
    return this.#signed === null ? null : unitValueBytes(this.#signed.spec.outputs)
  }

  async head(job: JobId, signed: SignedSpec, place: string): Promise<void> {
    this.#job = job
    this.#signed = signed
    this.#tally = new ReceiptTally(signed.spec)
    const id = jobIdOf(signed.author, signed.spec)
    this.#base = receiptBase(id, signed.spec)
    if (id !== job)
      this.fail('specification', `${place}, signed`, `author and specification give the job id ${id}, not ${job}: one of them was changed`)
    if (!(await verifySpec(signed)))
      this.fail('specification', `${place}, signed.sig`, `it is not the signature of ${signed.author} over this specification`)
    if (!isExact(signed.sig)) this.fail('specification', `${place}, signed.sig`, 'its last character is not the one that belongs there')
  }

  /** `valuePlace`: where the value is, when it is elsewhere than its receipt. */
  unit(leaf: string, receipt: UnitReceipt, value: Uint8Array, place: string, valuePlace = place): void {
    const at = `${place}, unit ${receipt.unit}`
    const atValue = `${valuePlace}, unit ${receipt.unit}, value`
    this.#units++
    const own = receiptLeaf(receipt)
    if (toHex(own) !== leaf)
      this.fail('receipts', `${at}, receipt`, `it does not give its leaf ${brief(leaf)}: a field of it, or the leaf, was changed`)
    if (receipt.unit <= this.#last) this.fail('receipts', `${at}, unit`, `it comes after unit ${this.#last}`)
    this.#last = receipt.unit
    if (sha256Hex(value) !== receipt.digest)
      this.fail('values', atValue, `the ${value.length} bytes do not have the digest ${brief(receipt.digest)}`)
    this.#belongs(receipt, at)
    for (const { field, why } of voteProblems(receipt)) this.fail('votes', `${at}, ${field}`, why)
    if (value.length === this.valueBytes) this.#tally?.add(receipt, value, own)
    else this.fail('values', atValue, `it has ${value.length} bytes, the outputs have ${this.valueBytes ?? 0}`)
  }

  /** To the job whose specification is in the head. */
  #belongs(receipt: UnitReceipt, at: string): void {
    const [base, spec] = [this.#base, this.#signed?.spec]
    if (base === null || spec === undefined) return
    if (receipt.unit >= spec.unitCount) this.fail('receipts', `${at}, unit`, `the job has units 0 to ${spec.unitCount - 1}`)
    for (const field of ['job', 'spec', 'kernel', 'inputs', 'independence', 'policy'] as const)
      if (!same(receipt[field], base[field])) this.fail('receipts', `${at}, ${field}`, 'it is not that of the signed specification')
  }

  async end(receipt: JobReceipt, place: string): Promise<void> {
    this.#receipt = receipt
    const at = (field: string) => `${place}, receipt.${field}`
    const counted = this.#tally?.counted(receipt.unitMicroCredits) ?? null
    this.#counted = counted
    if (counted !== null) {
      if (counted.settled !== receipt.settled)
        this.fail(
          'root',
          at('settled'),
          `${counted.settled} units can be counted here, the receipt has ${receipt.settled}: units are missing or too many`
        )
      if (counted.root !== receipt.root)
        this.fail(
          'root',
          at('root'),
          `the receipts here give ${brief(counted.root)}, not ${brief(receipt.root)}: a unit, or the root, was changed`
        )
      for (const field of [
        'executions',
        'executionsPerUnit',
        'errorProbability',
        'hosts',
        'accounts',
        'numericClasses',
        'reduced',
        'microCredits'
      ] as const)
        if (!same(counted[field], receipt[field]))
          this.fail('counts', at(field), `${text(receipt[field])} is said, and the units give ${text(counted[field])}`)
    }
    this.#describes(receipt, at)
    await this.#isSigned(receipt, at)
    this.#ledger(receipt, at)
  }

  #describes(receipt: JobReceipt, at: (field: string) => string): void {
    const [base, signed] = [this.#base, this.#signed]
    if (base === null || signed === null) return
    const expected = { job: base.job, spec: base.spec, policy: base.policy, author: signed.author, unitCount: signed.spec.unitCount }
    for (const field of ['job', 'spec', 'policy', 'author', 'unitCount'] as const)
      if (!same(receipt[field], expected[field])) this.fail('specification', at(field), 'it is not that of the signed specification')
    const { settled, notHeld, errored, unitCount, state } = receipt
    if (settled + notHeld + errored > unitCount)
      this.fail('counts', at('settled'), `${settled} + ${notHeld} + ${errored} units are more than the ${unitCount} of the job`)
    if (state === 'completed' && settled + notHeld !== unitCount)
      this.fail('counts', at('state'), `it is completed, and ${unitCount - settled - notHeld} units are not settled`)
  }

  async #isSigned(receipt: JobReceipt, at: (field: string) => string): Promise<void> {
    const { certificate, sig } = receipt
    if (!(await verifyJobReceipt(receipt)) || !isExact(sig))
      this.fail(
        'signature',
        at('sig'),
        `it is not the signature of ${certificate.operational} over this receipt: a field of it was changed`
      )
    if (!(await verifyCoordinatorCertificate(certificate, certificate.root)) || !isExact(certificate.sig))
      this.fail('certificate', at('certificate'), `it is not signed by the root key ${certificate.root} that it names`)
    const { root } = this.#init
    if (root !== undefined && certificate.root !== root)
      this.fail('certificate', at('certificate.root'), `the root key is ${certificate.root}, and you trust ${root}`)
  }

  #ledger(receipt: JobReceipt, at: (field: string) => string): void {
    const ledger = this.#word()
    if (ledger === null) return
    if (ledger.root !== receipt.certificate.root)
      this.fail('ledger', at('certificate.root'), `the ledger is that of the root key ${ledger.root}`)
    else if (ledger.receiptRoot !== null && ledger.receiptRoot !== receipt.root)
      this.fail(
        'ledger',
        at('root'),
        `the coordinator wrote ${brief(ledger.receiptRoot)} into the ledger: the receipts are not those of then`
      )
  }

  #word(): LedgerWord | null {
    return this.#job === null ? null : (this.#init.ledger?.(this.#job) ?? null)
  }

  report(): CheckReport {
    const word = this.#word()
    const findings = this.#findings
    const [signed, receipt, counted] = [this.#signed, this.#receipt, this.#counted]
    const unread = 'it was not found in the download'
    const units = `${this.#units} ${this.#units === 1 ? 'unit' : 'units'}`
    if (signed === null) findings.fail('specification', 'head', unread)
    if (receipt === null) findings.fail('signature', 'end', unread)
    const trusted = this.#init.root !== undefined || (receipt !== null && this.#init.known?.has(receipt.certificate.root) === true)
    const steps: CheckStep[] = [
      findings.step('form', `${units}, every byte in its place`),
      ...(this.#extra.has('files') ? [findings.step('files', this.#extra.get('files') ?? '')] : []),
      findings.step('specification', `job ${brief(this.#job ?? '')}, signed by ${brief(signed?.author ?? '')}`),
      findings.step('values', `${units}, SHA-256 of each`),
      findings.step('receipts', `${units}, in order, each for this specification`),
      findings.step(
        'votes',
        `${counted?.executions ?? 0} results behind ${units}${receipt?.policy.independence === 'subnet' ? '; that networks differ is the coordinator’s word' : ''}`
      ),
      findings.step('root', `Merkle root ${brief(receipt?.root ?? '')}`),
      findings.step(
        'counts',
        `${reducedText(counted?.reduced)}; hosts: ${counted?.hosts ?? 0}; numeric classes: ${counted?.numericClasses ?? 0}`
      ),
      findings.step(
        'signature',
        `by ${brief(receipt?.certificate.operational ?? '')}${receipt?.provisional === true ? '; provisional, the job went on' : ''}`
      ),
      findings.step(
        'certificate',
        `root key ${receipt?.certificate.root ?? ''}`,
        trusted ? undefined : `root key ${receipt?.certificate.root ?? ''}: whose it is you must know from elsewhere`
      ),
      ...(word === null
        ? []
        : [
            findings.step(
              'ledger',
              'the same root is in the coordinator’s feed',
              word.receiptRoot === null ? 'it does not tell of this receipt (yet, or no longer)' : undefined
            )
          ])
    ]
    return { holds: !findings.any, steps, job: this.#job, signed, receipt, units: this.#units }
  }
}

/** The unused bits of the last character are 0, as in what `toBase64Url` writes; other programs read it all the same. */
function isExact(signature: string): boolean {
  try {
    return toBase64Url(fromBase64Url(signature)) === signature
  } catch {
    return false
  }
}

function same(a: unknown, b: unknown): boolean {
  return equalBytes(canonicalBytes({ a }), canonicalBytes({ a: b }))
}

function brief(id: string): string {
  return id.length > 16 ? `${id.slice(0, 12)}…` : id
}

function text(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value)
}

function reducedText(reduced: CountedReceipt['reduced'] | undefined): string {
  switch (reduced?.kind) {
    case 'sum':
      return `sum ${reduced.sum}`
    case 'argmin':
      return reduced.value === null ? 'no smallest value' : `smallest value ${reduced.value} in unit ${reduced.unit ?? 0}`
    case 'none':
    case undefined:
      return 'nothing is reduced'
  }
}
