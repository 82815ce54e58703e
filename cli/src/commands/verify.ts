/** `verify FILE|FOLDER`: re-checks a download. No coordinator is asked, except for the program of a unit that is to be computed again. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { outputElements, PeerComputeError, rootIdSchema, type JobSpec, type RootId } from '@peercompute/job-specs'
import { checkDownload, checkTitles, DownloadCheck, type CheckReport, type CheckStep, type ReadUnit } from '@peercompute/job-specs/download'
import { coordinatorOf, json, type Context, type RemoteOptions } from '../context.ts'
import { count } from '../output/format.ts'
import { printable } from '../output/printable.ts'
import type { Terminal } from '../output/terminal.ts'
import { userFolder } from '../user/folder.ts'
import { createPinStore } from '../user/pins.ts'
import { checkFolder } from '../verify/check-folder.ts'
import { ledgerWord } from '../verify/ledger-word.ts'
import { rerun, type FetchBlob, type Rerun } from '../verify/rerun.ts'

export interface VerifyOptions extends RemoteOptions {
  readonly root?: string
  /** File of an exported ledger. */
  readonly ledger?: string
  /** A unit, or `random`; true when the option stands alone. */
  readonly rerun?: string | true
}

function rootOf({ root }: VerifyOptions): RootId | undefined {
  if (root === undefined) return undefined
  const parsed = rootIdSchema.safeParse(root)
  if (!parsed.success) throw new PeerComputeError('CONFIG_INVALID', `--root "${root}" is not a root key: 43 letters, digits, - and _`)
  return parsed.data
}

/** Remembers one unit while all pass by: the one that is asked for, or one of them at random (reservoir of one). */
function chooser(wanted: VerifyOptions['rerun']): { readonly see: (unit: ReadUnit) => void; readonly chosen: () => ReadUnit | null } {
  const exact = wanted === undefined || wanted === true || wanted === 'random' ? null : Number(wanted)
  if (exact !== null && (!Number.isSafeInteger(exact) || exact < 0))
    throw new PeerComputeError('CONFIG_INVALID', `--rerun "${String(wanted)}" is no unit: give its number, or "random"`)
  let chosen: ReadUnit | null = null
  let seen = 0
  return {
    see: (unit) => {
      if (exact === null ? Math.random() * ++seen < 1 : unit.receipt.unit === exact) chosen = unit
    },
    chosen: () => chosen
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (cause) {
    throw new PeerComputeError('DOWNLOAD_UNREADABLE', cause instanceof Error ? cause.message : path, { cause })
  }
}

export async function verify(context: Context, path: string, options: VerifyOptions): Promise<void> {
  const { terminal, signal } = context
  const root = rootOf(options)
  const folder = await isFolder(path)
  const ledger = options.ledger === undefined ? undefined : await ledgerWord(options.ledger, root)
  const pins = await createPinStore(userFolder(context.env)).all()
  const check = new DownloadCheck({ root, known: new Set(Object.values(pins)), ...(ledger === undefined ? {} : { ledger }) })
  const { see, chosen } = chooser(options.rerun)
  terminal.live(`Checking ${path} …`)
  if (folder) await checkFolder(path, check, { onUnit: see, signal })
  else {
    const file = createReadStream(path, { signal })
    await checkDownload(file, check, { name: basename(path), onUnit: see, signal }).catch((cause: unknown) => {
      signal.throwIfAborted()
      if (cause instanceof Error && 'syscall' in cause) throw new PeerComputeError('DOWNLOAD_UNREADABLE', cause.message, { cause })
      throw cause
    })
  }
  const report = check.report()
  const spec = report.signed?.spec
  const unit = chosen()
  // What was asked for and could not be computed is told after what was found.
  let trouble: PeerComputeError | undefined
  const again =
    options.rerun === undefined || spec === undefined
      ? null
      : await computeAgain(context, options, spec, unit).catch((error: unknown) => {
          if (!(error instanceof PeerComputeError)) throw error
          trouble = error
          return null
        })
  const steps = again === null ? report.steps : [...report.steps, rerunStep(spec, unit, again)]
  const failed = steps.filter(({ verdict }) => verdict === 'fail')
  if (options.json)
    await terminal.data(
      json({
        holds: failed.length === 0,
        job: report.job,
        units: report.units,
        root: report.receipt?.certificate.root ?? null,
        steps,
        rerun: again
      })
    )
  else await sayAll(terminal, path, report, steps)
  const [first] = failed
  if (first === undefined) {
    if (trouble !== undefined) throw trouble
    return
  }
  const place = first.failures[0]
  throw new PeerComputeError(
    'DOWNLOAD_INVALID',
    `${failed.length} of ${steps.length} checks failed, the first at ${place?.place ?? first.title}: ${place?.why ?? first.detail}`
  )
}

async function computeAgain(context: Context, options: VerifyOptions, spec: JobSpec, unit: ReadUnit | null): Promise<Rerun | null> {
  if (unit === null) throw new PeerComputeError('UNIT_NOT_SETTLED', `--rerun ${String(options.rerun)}: the download holds no such unit`)
  context.terminal.live(`Computing unit ${unit.receipt.unit} again …`)
  const fetchBlob: FetchBlob = async (ref) => {
    const { api } = await coordinatorOf(context, options)
    return api.blob(ref)
  }
  return rerun(spec, unit, { env: context.env, signal: context.signal, fetchBlob })
}

/** First elements of each output. */
function preview(spec: JobSpec, value: Uint8Array): string {
  const SHOWN = 3
  return spec.outputs
    .map(({ name }) => {
      const elements = outputElements(spec.outputs, name, value)
      return `${name} = ${elements.slice(0, SHOWN).join(', ')}${elements.length > SHOWN ? ', …' : ''}`
    })
    .join('; ')
}

function rerunStep(spec: JobSpec | undefined, unit: ReadUnit | null, again: Rerun): CheckStep {
  const value = spec === undefined || unit === null ? '' : ` (${preview(spec, unit.value)})`
  const detail = `unit ${again.unit} on ${again.executor}, ${again.numericClass}${value}: ${again.detail}`
  const verdict = again.agree === null ? 'open' : again.agree ? 'ok' : 'fail'
  const failures = verdict === 'fail' ? [{ place: `unit ${again.unit}`, why: `computed again on ${again.executor}: ${again.detail}` }] : []
  return { name: 'rerun', title: checkTitles.rerun, verdict, detail, failures, failed: failures.length }
}

async function sayAll(terminal: Terminal, path: string, report: CheckReport, steps: readonly CheckStep[]): Promise<void> {
  const words = { ok: terminal.style('blue', 'ok  '), open: terminal.style('yellow', 'open'), fail: terminal.style('red', 'FAIL') }
  const width = Math.max(...steps.map(({ title }) => title.length))
  const lines = steps.flatMap(({ verdict, title, detail, failures, failed }) => [
    `${words[verdict]}  ${title.padEnd(width)}  ${printable(detail)}`,
    ...failures.map(({ place, why }) => `      ${printable(place)}: ${printable(why)}`),
    ...(failed > failures.length ? [`      and ${count(failed - failures.length)} more`] : [])
  ])
  await terminal.data(lines.map((line) => `${line}\n`).join(''))
  if (steps.some(({ verdict }) => verdict === 'fail')) return
  const open = steps.filter(({ verdict }) => verdict === 'open').length
  const rest = open === 0 ? '' : ` ${open === 1 ? 'One check is' : `${open} checks are`} open: read why above.`
  terminal.talk(`${printable(path)}: ${count(report.units)} units, everything that could be checked holds.${rest}`)
}
