import {
  expectedExecutions,
  verificationSentence,
  kernelExecutors,
  outputElements,
  PeerComputeError,
  resultsAtFirst,
  type Comparison,
  type ErrorCode,
  type ExecutorKind,
  type JobSpec,
  type ParamValue,
  type UnitFailure,
  type Verification
} from '@peercompute/job-specs'
import { runUnitsOnCpu } from '../check/cpu-run.ts'
import { runUnitsOnGpu } from '../check/gpu-run.ts'
import { wgslNotes } from '../check/lint-wgsl.ts'
import { ownComparison, refuseUnverified, type Executed } from '../check/own-programs.ts'
import { sampleUnits } from '../check/run-units.ts'
import { wasiCommand } from '../check/wasi-command.ts'
import { json, type Context, type SharedOptions } from '../context.ts'
import { loadJob, type LoadedJob } from '../job/load-job.ts'
import { count, duration } from '../output/format.ts'
import { printable } from '../output/printable.ts'
import { table } from '../output/table.ts'

export interface CheckOptions extends SharedOptions {
  readonly param: Readonly<Record<string, ParamValue>>
  /** Left out: some units spread over the job. */
  readonly unit?: number
}

interface Skipped {
  readonly kind: ExecutorKind
  readonly why: string
}

interface Agreement extends Comparison {
  readonly executors: string
  readonly unit: number
}

const FAILURE_CODES: Partial<Record<UnitFailure, ErrorCode>> = {
  compile_error: 'KERNEL_COMPILE',
  output_too_large: 'OUTPUT_SIZE',
  output_shape: 'OUTPUT_SIZE',
  missing_blob: 'BLOB_NOT_FOUND'
}

/** Executors one after another, so that they do not slow each other down. Also the author's own program runs in the cage, as it will at the volunteers. */
async function runEverywhere(
  context: Context,
  job: LoadedJob,
  units: readonly number[]
): Promise<{ checked: Executed[]; skipped: Skipped[] }> {
  const checked: Executed[] = []
  const skipped: Skipped[] = []
  for (const kind of kernelExecutors(job.spec.kernel)) {
    context.terminal.live(`Units ${units.join(', ')} on ${kind} …`)
    const answer =
      kind === 'webgpu'
        ? await runUnitsOnGpu(job, units, context.env, context.signal)
        : await runUnitsOnCpu(job, kind, units, context.signal)
    if (answer.kind === 'ran') checked.push({ kind, ...answer.runs })
    else skipped.push({ kind, why: answer.why })
  }
  return { checked, skipped }
}

function refuseFailures(checked: readonly Executed[]): void {
  for (const { kind, outcomes } of checked) {
    const failure = outcomes.find((outcome) => !outcome.ok)
    if (failure?.ok === false)
      throw new PeerComputeError(
        FAILURE_CODES[failure.reason] ?? 'UNIT_FAILED',
        `${kind}, unit ${failure.unit}: ${failure.reason}: ${failure.message}`
      )
  }
}

/** Every program is compared with the first one, as the coordinator compares results with one reference. */
async function compare(job: LoadedJob, [first, ...others]: readonly Executed[]): Promise<readonly Agreement[]> {
  const comparator = ownComparison(job)
  try {
    return others.flatMap(({ kind, outcomes }) =>
      outcomes.flatMap((outcome, index): readonly Agreement[] => {
        const reference = first?.outcomes[index]
        if (first === undefined || !reference?.ok || !outcome.ok) return []
        const comparison = comparator.compare(reference.value, outcome.value)
        return [{ executors: `${first.kind} and ${kind}`, unit: outcome.unit, ...comparison }]
      })
    )
  } finally {
    await comparator.close()
  }
}

/** First elements of each output of the last unit, so that a researcher recognises the answer. */
function preview(spec: JobSpec, { outcomes }: Executed): string {
  const shown = 4
  const last = outcomes.at(-1)
  if (!last?.ok) return ''
  const texts = spec.outputs.map(({ name }) => {
    const elements = outputElements(spec.outputs, name, last.value)
    return `${name} = ${elements.slice(0, shown).join(', ')}${elements.length > shown ? ` … (${elements.length})` : ''}`
  })
  return `unit ${last.unit}: ${texts.join('; ')}`
}

function meanMs({ outcomes }: Executed): number {
  return outcomes.reduce((sum, { computeMs }) => sum + computeMs, 0) / outcomes.length
}

/** One core's time for the whole job on the fastest executor here, every execution counted that its verification is expected to take. */
function estimate(
  spec: JobSpec,
  checked: readonly Executed[]
): { readonly kind: ExecutorKind; readonly unitMs: number; readonly jobMs: number } | null {
  const [fastest] = checked.map((one) => ({ kind: one.kind, unitMs: meanMs(one) })).sort((a, b) => a.unitMs - b.unitMs)
  return fastest === undefined ? null : { ...fastest, jobMs: fastest.unitMs * spec.unitCount * expectedExecutions(spec) }
}

/** What surprises whoever tries the job at home. */
function atFirst({ errorProbability, independence }: Extract<Verification, { policy: 'credibility' }>): string {
  const results = resultsAtFirst(errorProbability)
  const sources = { executor: 'programs', host: 'computers', owner: 'people', subnet: 'networks' }[independence]
  return `While nothing is known of the volunteers, that takes ${results} results from different ${sources}, and with fewer of these no unit is validated. On your own machines write "verification: { quorum: 2, independence: host }", on a single one "verification: { quorum: 2, independence: executor }".`
}

export async function check(context: Context, target: string, options: CheckOptions): Promise<void> {
  const { terminal } = context
  const job = await loadJob(target, { params: options.param })
  const { spec } = job
  if (options.unit !== undefined && options.unit >= spec.unitCount) {
    throw new PeerComputeError('REQUEST_INVALID', `--unit ${options.unit}: the job has units 0 … ${spec.unitCount - 1}`)
  }
  const units = options.unit === undefined ? sampleUnits(spec) : [options.unit]
  const command = await wasiCommand(job, units[0] ?? 0)
  if (command !== null) terminal.talk(`Unit ${units[0] ?? 0} is: ${command}`)
  for (const note of wgslNotes(job)) terminal.talk(note)
  const { checked, skipped } = await runEverywhere(context, job, units)
  refuseFailures(checked)
  const verdicts = await refuseUnverified(job, checked)
  const comparisons = await compare(job, checked)
  const disagreement = comparisons.find(({ agree }) => !agree)
  if (disagreement !== undefined) {
    throw new PeerComputeError('KERNEL_DISAGREES', `Unit ${disagreement.unit}, ${disagreement.executors}: ${disagreement.detail}`)
  }
  const expected = estimate(spec, checked)

  if (options.json) {
    const executors = checked.map((one) => ({
      kind: one.kind,
      numericClass: one.numericClass,
      software: one.software,
      unitMs: meanMs(one)
    }))
    return terminal.data(
      json({ spec, units, executors, skipped, comparisons, ...(verdicts === null ? {} : { verdicts }), estimate: expected })
    )
  }
  terminal.talk(`${printable(spec.title)}: ${count(spec.unitCount)} units. ${verificationSentence(spec.verification)}`)
  if (job.plan) terminal.talk(job.plan.explanation)
  if (spec.verification.policy === 'credibility') terminal.talk(atFirst(spec.verification))
  const rows = checked.map((one) => [
    one.kind,
    'ok',
    duration(meanMs(one)),
    `${one.numericClass}${one.software ? ' (software)' : ''}`,
    preview(spec, one)
  ])
  await terminal.data(
    table(
      ['EXECUTOR', 'UNITS', 'MEAN TIME', 'NUMERIC CLASS', 'VALUE'],
      [...rows, ...skipped.map(({ kind, why }) => [kind, 'skipped', '', '', printable(why)])]
    )
  )
  terminal.talk(
    comparisons.length === 0
      ? 'Only one program was run, so nothing was compared.'
      : `All agree on units ${units.join(', ')}. ${comparisons.at(-1)?.detail ?? ''}`
  )
  if (verdicts !== null) {
    terminal.talk(`The check of the job passed all ${verdicts.passed} results.`)
    if (verdicts.passesSpoiled) terminal.talk('It also passed a result that was spoiled on purpose: does it look at the whole value?')
  }
  if (expected !== null) {
    terminal.talk(
      `About ${duration(expected.jobMs)} of one core's time in all on ${expected.kind}; divide it by the cores and volunteers that take part.`
    )
  }
  terminal.talk(`Publish it: peercompute submit ${target} --watch`)
}
