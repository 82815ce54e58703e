/** The page "Verify": a download that is being checked, what came out, and a unit that is computed again. */
import { PeerComputeError, rootIdSchema } from '@peercompute/job-specs'
import type { CheckReport, ReadUnit } from '@peercompute/job-specs/download'
import type { RerunValues } from '../models/verify.ts'
import { troubleOf, type Trouble } from './loadable.svelte.ts'

export class VerifyView {
  name = $state('')
  report = $state.raw<CheckReport | null>(null)
  /** Units so far while a download is read; null otherwise. */
  checking = $state<number | null>(null)
  trouble = $state.raw<Trouble | null>(null)
  rerun = $state.raw<RerunValues | null>(null)
  running = $state(false)
  rerunTrouble = $state.raw<Trouble | null>(null)
  root = $state('')
  #unit = $state.raw<ReadUnit | null>(null)
  #current = new AbortController()

  get unit(): ReadUnit | null {
    return this.#unit
  }

  /** Of this coordinator. */
  async checkJob(job: string): Promise<void> {
    const { openDownload } = await import('../services/verify-download.ts')
    await this.#check('this coordinator', (signal) => openDownload(job, signal))
  }

  async checkFile(file: File): Promise<void> {
    await this.#check(file.name, () => Promise.resolve(file.stream()))
  }

  async #check(name: string, open: (signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>): Promise<void> {
    this.stop()
    const current = new AbortController()
    this.#current = current
    this.name = name
    this.report = null
    this.trouble = null
    this.rerun = null
    this.rerunTrouble = null
    this.#unit = null
    this.checking = 0
    try {
      const root = this.root.trim()
      if (root !== '' && !rootIdSchema.safeParse(root).success)
        throw new PeerComputeError('REQUEST_INVALID', 'The root key must have 43 letters, digits, - and _.')
      const [{ verifyDownload }, { knownRoots }] = await Promise.all([
        import('../services/verify-download.ts'),
        import('../services/known-roots.ts')
      ])
      const known = await knownRoots(current.signal)
      const onProgress = (units: number): void => {
        if (this.#current === current) this.checking = units
      }
      const { report, unit } = await verifyDownload(await open(current.signal), { name, root, known, onProgress, signal: current.signal })
      if (this.#current !== current) return
      this.report = report
      this.#unit = unit
    } catch (error) {
      if (!current.signal.aborted) this.trouble = troubleOf(error)
    } finally {
      if (this.#current === current) this.checking = null
    }
  }

  async computeAgain(): Promise<void> {
    const [job, signed] = [this.report?.job ?? null, this.report?.signed ?? null]
    const [unit, current] = [this.#unit, this.#current]
    if (job === null || signed === null || unit === null || this.running) return
    this.running = true
    this.rerunTrouble = null
    try {
      const { rerunUnit } = await import('../services/rerun-unit.ts')
      const values = await rerunUnit(job, signed.spec, unit, current.signal)
      if (this.#current === current) this.rerun = values
    } catch (error) {
      if (!current.signal.aborted) this.rerunTrouble = troubleOf(error)
    } finally {
      this.running = false
    }
  }

  /** Ends whatever is under way. */
  stop(): void {
    this.#current.abort()
  }
}
