import { REASONS } from '@peercompute/job-specs'
import type { KernelSnapshot } from '@peercompute/worker-client/node'
import { coordinatorOf, ndjson, type Context, type RemoteOptions } from '../context.ts'
import { count } from '../output/format.ts'
import { printable } from '../output/printable.ts'
import { userFolder } from '../user/folder.ts'
import { interrupted } from './serve.ts'

export interface VolunteerOptions extends RemoteOptions {
  readonly data?: string
  readonly label?: string
  readonly threads?: number
}

/** What the machine does now, in one line. */
export function volunteerLine({ state, reason, currentJobs, unitsDone, unitsAccepted, reportsWaiting }: KernelSnapshot): string {
  const doing = currentJobs.map((job) => printable(job.title)).join('; ')
  const why = reason === null ? '' : `: ${REASONS[reason].sentence}`
  const waiting = reportsWaiting > 0 ? `, ${count(reportsWaiting)} reports to deliver` : ''
  return `${state}${doing === '' ? why : ` ${doing}`} · ${count(unitsDone)} units computed, ${count(unitsAccepted)} accepted${waiting}`
}

export async function volunteer(context: Context, options: VolunteerOptions): Promise<void> {
  const { terminal, signal, env } = context
  const { createNodeVolunteer } = await import('@peercompute/worker-client/node')
  const { url } = await coordinatorOf(context, options)
  const kernel = await createNodeVolunteer({
    coordinator: url,
    folder: options.data ?? userFolder(env),
    ...(options.label === undefined ? {} : { label: options.label }),
    ...(options.threads === undefined ? {} : { slots: options.threads })
  })
  const refused = new AbortController()
  let shown = ''
  const show = async (snapshot: KernelSnapshot): Promise<void> => {
    const { error } = snapshot.network
    if (error?.code === 'COORDINATOR_UNTRUSTED') refused.abort(error)
    const { state, reason, unitsDone, unitsAccepted, reportsWaiting, currentJobs, executors, account, host } = snapshot
    const change = `${state} ${reason ?? ''} ${currentJobs.map((job) => job.id).join()}`
    if (options.json) {
      if (change !== shown)
        await terminal.data(ndjson({ state, reason, unitsDone, unitsAccepted, reportsWaiting, currentJobs, executors, account, host }))
    } else if (terminal.isTerminal) terminal.live(volunteerLine(snapshot).slice(0, terminal.columns - 1))
    else if (change !== shown) terminal.talk(volunteerLine(snapshot))
    shown = change
  }
  const unsubscribe = kernel.onChange((snapshot) => void show(snapshot))
  try {
    const { executors } = kernel.snapshot()
    if (!options.json)
      terminal.talk(
        `Lending ${executors.map(({ kind, slots }) => `${slots} × ${kind}`).join(', ')} to ${url}. Only the reviewed kernels run here. Stop with Ctrl-C.`
      )
    kernel.start()
    await interrupted(AbortSignal.any([signal, refused.signal]))
    refused.signal.throwIfAborted()
  } finally {
    unsubscribe()
    await kernel.stop()
    if (!options.json) terminal.talk(`Stopped. ${count(kernel.snapshot().unitsAccepted)} units were accepted; unfinished ones went back.`)
  }
}
