import { PeerComputeError, REASONS } from '@peercompute/job-specs'
import type { CageKind, KernelSnapshot, NodeVolunteer } from '@peercompute/worker-client/node'
import { coordinatorOf, ndjson, type Context, type RemoteOptions } from '../context.ts'
import { count } from '../output/format.ts'
import { printable } from '../output/printable.ts'
import { userFolder } from '../user/folder.ts'
import type { LendingOptions } from '../volunteer/lending-options.ts'
import { preferencesFrom } from '../volunteer/preferences-from.ts'
import { interrupted } from './serve.ts'

const CAGE_NAMES: Readonly<Record<CageKind, string>> = { deno: 'Deno without permissions', bubblewrap: 'bubblewrap' }

export interface VolunteerOptions extends RemoteOptions, LendingOptions {
  readonly data?: string
  readonly label?: string
  /** False with `--no-gpu`. */
  readonly gpu?: boolean
  readonly cage?: CageKind
}

/** What the machine does now, in one line. */
export function volunteerLine({ state, reason, currentJobs, unitsDone, unitsAccepted, reportsWaiting }: KernelSnapshot): string {
  const doing = currentJobs.map((job) => printable(job.title)).join('; ')
  const why = reason === null ? '' : `: ${REASONS[reason].sentence}`
  const waiting = reportsWaiting > 0 ? `, ${count(reportsWaiting)} reports to deliver` : ''
  return `${state}${doing === '' ? why : ` ${doing}`} · ${count(unitsDone)} units computed, ${count(unitsAccepted)} accepted${waiting}`
}

/** What this machine lends, and where strangers' programs run. */
export function lentParts(kernel: NodeVolunteer): string {
  const { executors } = kernel.snapshot()
  const cores = executors.filter(({ kind }) => kind !== 'webgpu')
  const card = executors.find(({ kind }) => kind === 'webgpu')
  const where = kernel.cage === null ? 'reviewed kernels only, in threads' : `in a cage of ${CAGE_NAMES[kernel.cage]}`
  return [
    ...(cores[0] === undefined ? [] : [`${cores[0].slots} × ${cores.map(({ kind }) => kind).join(' or ')} (${where})`]),
    ...(card === undefined ? [] : [`1 × webgpu${card.software ? ' (software, on the processor)' : ''}`])
  ].join(' and ')
}

export async function volunteer(context: Context, options: VolunteerOptions): Promise<void> {
  const { terminal, signal, env } = context
  const { createNodeVolunteer, governProcess, systemSignals } = await import('@peercompute/worker-client/node')
  const preferences = preferencesFrom(options)
  const signals = systemSignals()
  if (options.onlyWhenIdle !== undefined && !signals.seesInput)
    throw new PeerComputeError('CONFIG_INVALID', '--only-when-idle sees input at terminals, and this machine has none that can be read')
  const folder = options.data ?? userFolder(env)
  const { url } = await coordinatorOf(context, options)
  const kernel = await createNodeVolunteer({
    coordinator: url,
    folder,
    ...(options.label === undefined ? {} : { label: options.label }),
    ...(options.cores === undefined ? {} : { slots: options.cores }),
    ...(options.gpu === undefined ? {} : { gpu: options.gpu }),
    ...(options.cage === undefined ? {} : { cage: options.cage })
  })
  governProcess(kernel, folder, preferences, signals)
  const { cage, notLent } = kernel
  const refused = new AbortController()
  let shown = ''
  const show = async (snapshot: KernelSnapshot): Promise<void> => {
    const { error } = snapshot.network
    if (error?.code === 'COORDINATOR_UNTRUSTED') refused.abort(error)
    const { state, reason, unitsDone, unitsAccepted, reportsWaiting, currentJobs, executors, account, host } = snapshot
    const change = `${state} ${reason ?? ''} ${currentJobs.map((job) => job.id).join()}`
    if (options.json) {
      if (change !== shown)
        await terminal.data(
          ndjson({ state, reason, unitsDone, unitsAccepted, reportsWaiting, currentJobs, executors, account, host, cage, notLent })
        )
    } else if (terminal.isTerminal) terminal.live(volunteerLine(snapshot).slice(0, terminal.columns - 1))
    else if (change !== shown) terminal.talk(volunteerLine(snapshot))
    shown = change
  }
  const unsubscribe = kernel.onChange((snapshot) => void show(snapshot))
  try {
    if (!options.json) {
      terminal.talk(`Lending ${lentParts(kernel)} to ${url}. Stop with Ctrl-C.`)
      for (const sentence of notLent) terminal.talk(sentence)
    }
    kernel.start()
    await interrupted(AbortSignal.any([signal, refused.signal]))
    refused.signal.throwIfAborted()
  } finally {
    unsubscribe()
    await kernel.stop()
    if (!options.json) terminal.talk(`Stopped. ${count(kernel.snapshot().unitsAccepted)} units were accepted; unfinished ones went back.`)
  }
}
