/** The coordinator's side of one judging thread: started when it is needed, told of jobs once, replaced when it hangs or dies. */
import { once } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { PeerComputeError, type Bytes, type ContentHash, type JobId, type JobSpec, type Verdict } from '@peercompute/job-specs'
import type { Seed } from '@peercompute/job-specs/verifiers'
import type { ValueOfUnit } from './judge.ts'
import type { FromJudgeThread, ToJudgeThread } from './judge-messages.ts'
import { startThread } from './start-thread.ts'

/** Jobs whose program and inputs a thread keeps. */
const JOBS_MAX = 8
const START_MS = 30_000

/** One report's values on their way. */
export interface Task {
  readonly job: JobId
  readonly spec: JobSpec
  readonly seed: Seed
  readonly values: readonly ValueOfUnit[]
  readonly verdicts: Verdict[]
  readonly done: (error: Error | null) => void
}

export class JudgeThread {
  readonly #readBlob: (sha256: ContentHash) => Promise<Bytes>
  readonly #deadlineMs: number
  #worker: Worker | null = null
  /** Least recently used first. */
  readonly #known = new Set<JobId>()
  #closed = false

  constructor(readBlob: (sha256: ContentHash) => Promise<Bytes>, deadlineMs: number) {
    this.#readBlob = readBlob
    this.#deadlineMs = deadlineMs
  }

  /** Resolves when every value has its verdict. A thread that hangs or dies fails the value that it was at, and the rest goes on. */
  async work(task: Task): Promise<void> {
    while (task.verdicts.length < task.values.length) {
      const worker = await this.#ready(task)
      const trouble = await this.#listen(worker, task)
      if (trouble === null) return
      await this.#end()
      if (this.#closed) throw closing()
      task.verdicts.push({ pass: null, detail: trouble })
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#end()
  }

  async #ready({ job, spec }: Task): Promise<Worker> {
    const message: ToJudgeThread | null = this.#known.has(job) ? null : { type: 'job', job, spec, ...(await this.#material(spec)) }
    if (this.#closed) throw closing()
    const worker = this.#worker ?? (await this.#start())
    this.#known.delete(job)
    this.#known.add(job)
    if (message !== null) this.#post(message)
    const [oldest] = this.#known
    if (this.#known.size > JOBS_MAX && oldest !== undefined) {
      this.#known.delete(oldest)
      this.#post({ type: 'forget', job: oldest })
    }
    return worker
  }

  async #material(spec: JobSpec): Promise<{ source: string | null; inputs: ReadonlyMap<string, Uint8Array> }> {
    const { verification } = spec
    const js = verification.policy === 'verifier' && verification.verify.kind === 'custom' ? verification.verify.js : null
    const source = js === null ? null : new TextDecoder().decode(await this.#readBlob(js.sha256))
    const inputs = new Map<string, Uint8Array>()
    for (const { name, blob } of spec.inputs) inputs.set(name, await this.#readBlob(blob.sha256))
    return { source, inputs }
  }

  #post(message: ToJudgeThread): void {
    this.#worker?.postMessage(message)
  }

  /** Null when all verdicts have come, otherwise why no more will. */
  #listen(worker: Worker, task: Task): Promise<string | null> {
    return new Promise((resolve) => {
      const stop = (trouble: string | null): void => {
        clearTimeout(timer)
        worker.off('message', heard).off('error', failed).off('exit', ended)
        resolve(trouble)
      }
      const heard = (verdict: FromJudgeThread): void => {
        task.verdicts.push(verdict)
        timer.refresh()
        if (task.verdicts.length === task.values.length) stop(null)
      }
      const failed = (error: Error): void => {
        stop(`The verifier ended its thread: ${error.message}`)
      }
      const ended = (): void => {
        stop('The verifier ended its thread.')
      }
      const timer = setTimeout(() => {
        stop(`The verifier took longer than ${this.#deadlineMs / 1_000} s.`)
      }, this.#deadlineMs)
      worker.on('message', heard).on('error', failed).on('exit', ended)
      this.#post({ type: 'verify', job: task.job, seed: task.seed, values: task.values.slice(task.verdicts.length) })
    })
  }

  async #end(): Promise<void> {
    const worker = this.#worker
    this.#worker = null
    this.#known.clear()
    await worker?.terminate()
  }

  async #start(): Promise<Worker> {
    const worker = startThread('./judge-thread.ts')
    this.#worker = worker
    // Between two reports nobody else listens.
    worker.on('error', () => undefined)
    worker.on('exit', () => {
      if (this.#worker !== worker) return
      this.#worker = null
      this.#known.clear()
    })
    try {
      await once(worker, 'message', { signal: AbortSignal.timeout(START_MS) })
    } catch (error) {
      await this.#end()
      throw error
    }
    return worker
  }
}

function closing(): PeerComputeError {
  return new PeerComputeError('RATE_LIMITED', 'the coordinator is closing')
}
