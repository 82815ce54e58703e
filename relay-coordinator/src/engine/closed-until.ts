/** A coordinator that takes no work before it knows what it had promised: nothing may be asked, reported or published until then. */
import { PeerComputeError } from '@peercompute/job-specs'
import type { Coordinator } from '../coordinator.ts'

/** `isOpen` is asked at each call. Refuses with RECOVERING, which every client takes for "later". */
export function closedUntil(isOpen: () => boolean, coordinator: Coordinator): Coordinator {
  const now = <Answer>(act: () => Answer): Answer => {
    if (!isOpen()) throw new PeerComputeError('RECOVERING', 'its database was lost, and no peer has brought the ledger yet')
    return act()
  }
  const soon = async <Answer>(act: () => Promise<Answer>): Promise<Answer> => now(act)
  return {
    ...coordinator,
    submit: (signed, custodial, held) => soon(() => coordinator.submit(signed, custodial, held)),
    cancel: (id, why) => soon(() => coordinator.cancel(id, why)),
    pause: (id, why) => soon(() => coordinator.pause(id, why)),
    resume: (id) => soon(() => coordinator.resume(id)),
    hostConnected: (host) => soon(() => coordinator.hostConnected(host)),
    ask: (host, request) => soon(() => coordinator.ask(host, request)),
    report: (report, values) => soon(() => coordinator.report(report, values)),
    renew: (host, leases) => soon(() => coordinator.renew(host, leases)),
    release: (host, id, epoch) => soon(() => coordinator.release(host, id, epoch)),
    checkpoint: (host, name, state) => soon(() => coordinator.checkpoint(host, name, state)),
    results: (id, page) => soon(() => coordinator.results(id, page)),
    values: (id, range) => soon(() => coordinator.values(id, range)),
    // Not "there is no such job", nor "there are none": nobody knows yet.
    jobs: (page) => now(() => coordinator.jobs(page)),
    job: (id) => now(() => coordinator.job(id)),
    why: (id, unit) => now(() => coordinator.why(id, unit)),
    signedSpec: (id) => now(() => coordinator.signedSpec(id))
  }
}
