/**
 * What has been learnt about who can run a job: hosts on which it keeps failing, device classes on which it does not compile, and
 * whether it runs anywhere at all. In memory only: after a restart two failures of a class, or three of a host, teach it again.
 */
import type { ExecutorKind, HostId, UnitFailure } from '@peercompute/job-specs'
import { executorKey, isPassing } from './exclusion.ts'
import type { Holder } from './held-lease.ts'
import type { JobEntry } from './job.ts'
import { isHostsOwn } from './transition.ts'

/** Failures in a row after which a host is no longer asked for this job on this executor. */
export const UNABLE_AFTER = 3
/** Hosts of one class on which it must fail to compile before the others of the class are spared: one could be lying, or broken. */
export const UNCOMPILED_HOSTS = 2
/** Failures without a success after which a job is paused. */
export const FAILING_AFTER = 20
/** Hosts that must have met them; all that could run it, when there are fewer. */
export const FAILING_HOSTS = 3
/** Hosts whose graphics device a job may take down before it is paused. */
export const DEVICES_LOST_MAX = 2

/** Devices that can be expected to compile and compute alike. */
export function classOf(kind: ExecutorKind, numericClass: string): string {
  return `${kind}/${numericClass}`
}

/** The program has failed on this host and executor, again and again. */
export function isUnable(job: JobEntry, holder: Holder): boolean {
  return job.unable.size > 0 && (job.unable.get(executorKey(holder)) ?? 0) >= UNABLE_AFTER
}

/** It did not on this host, or not on enough others of its class. */
export function doesNotCompile(job: JobEntry, host: HostId, deviceClass: string): boolean {
  const hosts = job.uncompiled.get(deviceClass)
  return hosts !== undefined && (hosts.size >= UNCOMPILED_HOSTS || hosts.has(host))
}

export function learnSuccess(job: JobEntry, holder: Holder, deviceClass: string): void {
  if (job.unable.size > 0) job.unable.delete(executorKey(holder))
  if (job.uncompiled.size > 0) job.uncompiled.delete(deviceClass)
  job.trouble = null
}

export function learnFailure(job: JobEntry, holder: Holder, reason: UnitFailure, deviceClass: string): void {
  if (reason === 'verifier_failed') return
  const key = executorKey(holder)
  if (isHostsOwn(reason)) job.unable.set(key, UNABLE_AFTER)
  else if (!isPassing(reason)) job.unable.set(key, (job.unable.get(key) ?? 0) + 1)
  if (reason === 'compile_error') {
    const hosts = job.uncompiled.get(deviceClass)
    if (hosts === undefined) job.uncompiled.set(deviceClass, new Set([holder.host]))
    else if (hosts.size < UNCOMPILED_HOSTS) hosts.add(holder.host)
  }
  if (reason === 'device_lost') job.devicesLost.add(holder.host)
  if (job.trouble === null || !isTelling(reason)) return
  job.trouble.failures++
  if (job.trouble.hosts.size < FAILING_HOSTS) job.trouble.hosts.add(holder.host)
}

/** Whether a failure says that something is wrong with the job. */
export function isTelling(reason: UnitFailure): boolean {
  return reason !== 'cancelled' && reason !== 'verifier_failed' && !isHostsOwn(reason)
}
