/** The submit page: what the author chose, the draft that follows from it, its checks, and its publication. */
import type { ContentHash, Independence, JobSpec, VerificationWish } from '@peercompute/job-specs'
import type { KernelName } from '@peercompute/kernels'
import { suggestedAssurance, wishFrom, type Assurance, type AssuranceForm } from '../models/assurance.ts'
import type { Draft } from '../models/draft.ts'
import { NO_FILES, type FileBytes, type JobFiles } from '../models/job-files.ts'
import type { CompileMessage } from '../services/compile-check.ts'
import { live } from './live.svelte.ts'
import { troubleOf, type Trouble } from './loadable.svelte.ts'

export interface Check {
  readonly verdict: 'ok' | 'warn' | 'bad' | 'wait'
  readonly name: string
  readonly detail: string
  readonly ms: number | null
}

/** Typing rests this long before the draft is made again. */
const REST_MS = 200

export class SubmitForm {
  source = $state<'library' | 'file' | 'clone'>('library')
  kernel = $state<KernelName>('mandelbrot')
  /** As typed, by kernel and name; what is missing has its default. */
  params = $state<Record<string, number | null>>({})
  researcher = $state('')
  revision = $state(1)
  /** Null: not chosen, so what is suggested. */
  assurance = $state<Assurance | null>(null)
  readonly suggestion = $derived(suggestedAssurance(live.fleet?.hosts ?? null))
  budget = $state<number | null>(null)
  independence = $state<Independence>('host')
  policy = $state<AssuranceForm['policy']>('credibility')
  quorum = $state<number | null>(2)
  errorProbability = $state<number | null>(0.001)
  maxResults = $state<number | null>(null)
  readonly verification = $derived.by((): AssuranceForm => ({
    assurance: this.assurance ?? this.suggestion,
    budget: this.budget,
    independence: this.independence,
    policy: this.policy,
    // What is typed and is no number is told by the draft.
    quorum: this.quorum ?? 0,
    errorProbability: this.errorProbability ?? 0,
    maxResults: this.maxResults
  }))
  text = $state('')
  files = $state.raw(NO_FILES)
  cloned = $state.raw<JobSpec | null>(null)

  draft = $state.raw<Draft | null>(null)
  checks = $state.raw<readonly Check[]>([])
  messages = $state.raw<readonly CompileMessage[]>([])
  publishing = $state(false)
  trouble = $state.raw<Trouble | null>(null)
  /** False from each change until its draft is made: what is published is what is seen. */
  #fresh = $state(false)
  readonly ready = $derived(this.#fresh && this.draft?.ok === true && !this.checks.some((check) => check.verdict === 'bad'))
  #building: AbortController | null = null

  /** Makes draft and checks anew. Reads every field, so an effect that calls it runs again when one changes. */
  rebuild(): () => void {
    const input = {
      source: this.source,
      kernel: this.kernel,
      researcher: this.researcher,
      revision: this.revision,
      verification: wishFrom(this.verification),
      text: this.text,
      files: this.files,
      cloned: this.cloned,
      params: Object.fromEntries(Object.entries(this.params).filter((entry): entry is [string, number] => entry[1] !== null))
    }
    this.#fresh = false
    this.#building?.abort()
    const building = new AbortController()
    this.#building = building
    const timer = setTimeout(() => void this.#build(input, building.signal), REST_MS)
    return () => {
      clearTimeout(timer)
      building.abort()
    }
  }

  async #build(
    input: {
      source: SubmitForm['source']
      kernel: KernelName
      params: Record<string, number>
      researcher: string
      revision: number
      verification: VerificationWish
      text: string
      files: JobFiles
      cloned: JobSpec | null
    },
    signal: AbortSignal
  ): Promise<void> {
    const { cloneDraft, jobFileDraft, readyMadeDraft } = await import('../models/draft.ts')
    const begun = performance.now()
    const { source, kernel, params, researcher, revision, verification, cloned } = input
    const draft =
      source === 'file'
        ? jobFileDraft(input.text, input.files)
        : source === 'clone' && cloned !== null
          ? cloneDraft(cloned, revision)
          : readyMadeDraft({ kernel, params, researcher, revision, verification })
    if (signal.aborted) return
    this.draft = draft
    this.#fresh = true
    this.messages = []
    const ms = performance.now() - begun
    if (!draft.ok) {
      this.checks = [{ verdict: 'bad', name: 'Spec is not valid', detail: draft.problems[0]?.message ?? '', ms }]
      return
    }
    const valid: Check = { verdict: 'ok', name: 'Spec is valid', detail: `${draft.spec.unitCount} units, every file found`, ms }
    this.checks = [valid, { verdict: 'wait', name: 'Compiling the kernel', detail: 'by this browser’s own compiler', ms: null }]
    const compiled = await this.#compile(draft.spec, draft.blobs, signal)
    if (!signal.aborted) this.checks = [valid, compiled, ...programChecks(draft.spec)]
  }

  async #compile(spec: JobSpec, blobs: ReadonlyMap<ContentHash, FileBytes>, signal: AbortSignal): Promise<Check> {
    const { wgsl } = spec.kernel
    if (wgsl === undefined) return { verdict: 'warn', name: 'No graphics version', detail: 'only processors take this job', ms: null }
    try {
      const [{ compileCheck }, { blobText }] = await Promise.all([import('../services/compile-check.ts'), import('../services/api.ts')])
      const bytes = blobs.get(wgsl.blob.sha256)
      const code = bytes === undefined ? await blobText(wgsl.blob.sha256, signal) : new TextDecoder().decode(bytes)
      const outcome = await compileCheck(code, wgsl.passes)
      if (signal.aborted) return { verdict: 'wait', name: '', detail: '', ms: null }
      if (!outcome.checked)
        return {
          verdict: 'warn',
          name: 'Kernel not compiled here',
          detail: 'this browser offers no WebGPU; the first host will tell',
          ms: null
        }
      this.messages = outcome.messages
      const first = outcome.messages.find((message) => message.severity === 'error')
      if (first !== undefined)
        return {
          verdict: 'bad',
          name: 'Kernel does not compile',
          detail: `line ${first.line}, column ${first.column}: ${first.message}`,
          ms: outcome.ms
        }
      return { verdict: 'ok', name: 'Kernel compiles', detail: 'by this browser’s own compiler', ms: outcome.ms }
    } catch (error) {
      return { verdict: 'warn', name: 'Kernel not compiled here', detail: troubleOf(error).detail, ms: null }
    }
  }

  /** The published job's id, or null with `trouble` set. */
  async publish(): Promise<string | null> {
    const { draft } = this
    if (draft === null || !draft.ok) return null
    this.publishing = true
    try {
      const { publish } = await import('../services/publish.ts')
      const answer = await publish(draft.spec, draft.blobs, AbortSignal.timeout(120_000))
      this.trouble = null
      return answer.id
    } catch (error) {
      this.trouble = troubleOf(error)
      return null
    } finally {
      this.publishing = false
    }
  }
}

function programChecks(spec: JobSpec): Check[] {
  const cpu = spec.kernel.js !== undefined || spec.kernel.wasm !== undefined
  return cpu
    ? [
        {
          verdict: 'ok',
          name: 'Runs on processors too',
          detail: [spec.kernel.wasm && 'WASM', spec.kernel.js && 'JavaScript'].filter(Boolean).join(' and '),
          ms: null
        }
      ]
    : [{ verdict: 'warn', name: 'No processor version', detail: 'hosts without a graphics card cannot take it', ms: null }]
}
