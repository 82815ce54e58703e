/**
 * Reason codes: the one catalogue of "why". Why is a host idle, why does a unit wait, why was a job refused.
 * Codes are wire artefacts: never renamed. Each has a sentence for people and a remedy.
 */
import { z } from 'zod'

interface Reason {
  readonly about: 'host' | 'unit' | 'job'
  readonly sentence: string
  readonly remedy: string
}

function reasons<const T extends Record<string, Reason>>(table: T): T {
  return table
}

export const REASONS = reasons({
  user_paused: { about: 'host', sentence: 'You paused computing.', remedy: 'Press Start to go on.' },
  on_battery: { about: 'host', sentence: 'This device runs on battery.', remedy: 'It goes on when you plug it in.' },
  battery_low: { about: 'host', sentence: 'The battery is low.', remedy: 'It goes on when the battery is charged.' },
  device_in_use: { about: 'host', sentence: 'You are using this device.', remedy: 'It goes on when the device is idle.' },
  tab_hidden_policy: {
    about: 'host',
    sentence: 'This tab is hidden and set to rest when hidden.',
    remedy: 'Show the tab, or change the setting.'
  },
  tab_frozen: {
    about: 'host',
    sentence: 'The browser has put this tab to sleep.',
    remedy: 'Show the tab, and it goes on by itself.'
  },
  gpu_paused: {
    about: 'host',
    sentence: 'You paused the graphics card.',
    remedy: 'Lend it again in the settings; the processor goes on meanwhile.'
  },
  outside_schedule: { about: 'host', sentence: 'It is outside the hours that you set.', remedy: 'Wait, or change the schedule.' },
  cpu_pressure: { about: 'host', sentence: 'Other programs need the processor.', remedy: 'It goes on when the load falls.' },
  thermal_pressure: { about: 'host', sentence: 'The device is hot.', remedy: 'It goes on when the device has cooled down.' },
  data_saver: { about: 'host', sentence: 'The browser is saving data.', remedy: 'Turn data saver off, or allow data in the settings.' },
  network_offline: {
    about: 'host',
    sentence: 'The coordinator cannot be reached.',
    remedy: 'It reconnects by itself; finished work is kept until then.'
  },
  gpu_lost: {
    about: 'host',
    sentence: 'The graphics card stopped answering.',
    remedy: 'Reload the page to use it again; the processor goes on.'
  },
  no_work_available: {
    about: 'host',
    sentence: 'No job has work to give out now.',
    remedy: 'It starts by itself when a job is published.'
  },
  no_matching_work: {
    about: 'host',
    sentence: 'The waiting jobs need something that this device does not offer.',
    remedy: 'A browser with WebGPU takes more kinds of work.'
  },
  independence_unmet: {
    about: 'host',
    sentence: 'The waiting units already have a result from you, your account or your network, and need one from elsewhere.',
    remedy: 'A volunteer elsewhere must take part; nothing is to be done here.'
  },
  network_share_used: {
    about: 'host',
    sentence: 'The waiting jobs already have as many results from your network as one network may give.',
    remedy: 'It gets more when other networks have given some; nothing is to be done here.'
  },
  job_on_trial: {
    about: 'host',
    sentence: 'The waiting jobs are new, and a few other hosts are trying them first.',
    remedy: 'It gets some when they have run well there, or when a place becomes free.'
  },
  kernel_not_compiling: {
    about: 'host',
    sentence: 'The waiting jobs did not compile on devices of this kind.',
    remedy: 'Other kinds of devices are asked; a newer browser or driver may help.'
  },
  memory_too_small: {
    about: 'host',
    sentence: 'The waiting jobs need more memory than this device has.',
    remedy: 'It gets the next job that fits; nothing is to be done here.'
  },
  features_missing: {
    about: 'host',
    sentence: 'The waiting jobs need WebGPU features or limits that this device lacks.',
    remedy: 'A newer browser or graphics card may have them.'
  },
  class_not_wanted: {
    about: 'host',
    sentence: 'The waiting jobs want results of another numeric class.',
    remedy: 'It gets the next job that takes its class; nothing is to be done here.'
  },
  storage_low: {
    about: 'host',
    sentence: 'The disk of the coordinator is nearly full, so it hands out no work.',
    remedy: 'It goes on by itself when the operator has freed space; finished work is still taken.'
  },
  lease_limit: { about: 'host', sentence: 'This host holds as many units as it may.', remedy: 'It gets more when it has reported some.' },
  quota_exceeded: {
    about: 'host',
    sentence: 'The daily budget that you set is used up.',
    remedy: 'It goes on tomorrow, or raise the budget.'
  },
  client_outdated: { about: 'host', sentence: 'This page is older than the coordinator accepts.', remedy: 'Reload the page.' },
  shutting_down: { about: 'host', sentence: 'Computing is stopping.', remedy: 'Press Start to begin again.' },
  insecure_origin: {
    about: 'host',
    sentence: 'This address is not secure, so the browser hides WebGPU and cryptography.',
    remedy: 'Open it through https or on localhost.'
  },
  no_webgpu: {
    about: 'host',
    sentence: 'This browser offers no WebGPU adapter.',
    remedy: 'The processor is used; a current browser with a graphics card does more.'
  },
  banned: { about: 'host', sentence: 'The coordinator no longer accepts work of this host.', remedy: 'Ask the operator.' },
  awaiting_first_lease: {
    about: 'unit',
    sentence: 'Nobody has been given this unit yet.',
    remedy: 'It is handed out in order; more volunteers make it faster.'
  },
  failed_once: {
    about: 'unit',
    sentence: 'The program failed on every host that tried so far, and another one is asked.',
    remedy: 'Read the message of the failure; a host of another kind may fare better.'
  },
  straggling: {
    about: 'unit',
    sentence: 'A host is taking far longer than usual for this unit, so another one is asked as well.',
    remedy: 'The first valid result counts; more volunteers make it faster.'
  },
  awaiting_capable_host: {
    about: 'unit',
    sentence: 'No connected host can take this unit now.',
    remedy: 'Ask for the reason of the job; it tells what is missing.'
  },
  job_at_rest: {
    about: 'unit',
    sentence: 'The job of this unit is not running.',
    remedy: 'Ask for the reason of the job; it tells what it waits for.'
  },
  in_progress: { about: 'unit', sentence: 'Hosts are computing this unit.', remedy: 'Wait for the report or the deadline.' },
  awaiting_second_opinion: {
    about: 'unit',
    sentence: 'Results are there, and too few independent ones to believe them.',
    remedy: 'It needs a volunteer that has not computed it yet and is independent of those that have.'
  },
  disagreement: { about: 'unit', sentence: 'The results differ, so another host is asked.', remedy: 'Look at the results side by side.' },
  inconclusive: {
    about: 'unit',
    sentence: 'As many results as allowed, and too few of them agree.',
    remedy: 'If the spread is honest, widen the tolerance or say withinClass: tolerance, then publish again.'
  },
  too_many_failures: {
    about: 'unit',
    sentence: 'The program failed on every host that tried.',
    remedy: 'Read the message, correct the kernel, publish again.'
  },
  settled: { about: 'unit', sentence: 'The unit is validated.', remedy: 'Nothing is to be done.' },
  job_queued: { about: 'job', sentence: 'The job waits for something that it needs.', remedy: 'Upload the missing blobs.' },
  awaiting_approval: {
    about: 'job',
    sentence: 'The job waits until the operator approves of its researcher.',
    remedy: 'Nothing is to be done here; operators: peercompute researchers list'
  },
  researcher_refused: {
    about: 'job',
    sentence: 'The operator has refused the researcher of this job.',
    remedy: 'Ask the operator of the coordinator.'
  },
  revoked: {
    about: 'job',
    sentence: 'The operator has revoked this job: no volunteer computes it any more.',
    remedy: 'Ask the operator of the coordinator; a revocation is for good.'
  },
  job_running: { about: 'job', sentence: 'The job is being computed.', remedy: 'More volunteers make it faster.' },
  job_paused: { about: 'job', sentence: 'The job is paused.', remedy: 'Resume it.' },
  too_few_networks: {
    about: 'job',
    sentence: 'The connected volunteers are on networks that have given as much of this job as one network may.',
    remedy: 'Volunteers on other networks must take part; the share of a network is set by the operator.'
  },
  units_reopened: {
    about: 'job',
    sentence: 'Units that had been validated are computed again, because a host that decided them is no longer believed.',
    remedy: 'Nothing: the results are corrected when they are validated anew.'
  },
  host_banned: {
    about: 'host',
    sentence: 'This device gets no more work here: its results disagreed with those of others far too often.',
    remedy: 'Check for overclocking, heat and broken memory, or update the graphics driver. Then ask the operator to take it back.'
  },
  failing: {
    about: 'job',
    sentence: 'The job was paused, because its units failed on host after host without a single success.',
    remedy: 'Read the messages of the failures. Resume it when the cause is gone, or publish a corrected kernel.'
  },
  verifier_failing: {
    about: 'job',
    sentence: 'The job was paused, because its own check failed on results, so that nobody knows whether they are right.',
    remedy: 'Read the message of the failure, correct the verifier and publish the job with a higher revision.'
  },
  verifier_doubted: {
    about: 'job',
    sentence: 'The job was paused, because two results of one unit disagree although its own check had passed both.',
    remedy: 'Compare them side by side and correct the verifier or the comparator; or resume the job, and further results decide.'
  },
  comparator_failing: {
    about: 'job',
    sentence: 'The job was paused, because its own comparator failed on two results.',
    remedy: 'Correct the comparator and publish the job with a higher revision.'
  },
  trying: {
    about: 'job',
    sentence: 'The job is new and is tried on a few hosts first.',
    remedy: 'It goes to all when its first units have succeeded.'
  },
  not_compiling: {
    about: 'job',
    sentence: 'The kernel did not compile on any kind of device that is connected.',
    remedy: "Read the compiler's message and publish a corrected kernel, or connect a device of another kind."
  },
  memory_unmet: {
    about: 'job',
    sentence: 'No connected volunteer has as much memory as the job asks for.',
    remedy: 'Lower limits.memoryBytes, or connect a device with more memory.'
  },
  kernel_refused: {
    about: 'job',
    sentence: 'The coordinator compiled the WGSL kernel before it gave it out, and refused it.',
    remedy: 'Correct the line that the message names and publish the job again.'
  },
  features_unmet: {
    about: 'job',
    sentence: 'No connected volunteer has the WebGPU features and limits that the job requires.',
    remedy: 'Require less, add a CPU version of the kernel, or connect a device that has them.'
  },
  class_unmet: {
    about: 'job',
    sentence: 'No connected volunteer is of the numeric class that the job requires.',
    remedy: 'Require a shorter prefix or none, or connect a device of that class.'
  },
  storage_full: {
    about: 'job',
    sentence: 'The disk of the coordinator is nearly full, so it hands out no work.',
    remedy: 'It goes on by itself when the operator has freed space; finished work is still taken.'
  },
  job_cancelled: { about: 'job', sentence: 'The job was cancelled.', remedy: 'Publish it again with a higher revision.' },
  job_completed: { about: 'job', sentence: 'The job is complete.', remedy: 'Download the results.' },
  job_failed: { about: 'job', sentence: 'Units of the job could not be settled.', remedy: 'See the failures by cause.' },
  no_volunteers: { about: 'job', sentence: 'No volunteer is connected.', remedy: 'Open the volunteer page, or run peercompute volunteer.' },
  too_few_independent: {
    about: 'job',
    sentence:
      'Too few independent volunteers are connected: a unit needs results of more, on computers, accounts or networks of their own.',
    remedy:
      'Invite volunteers elsewhere. When all machines are yours, write `verification: { quorum: 2, independence: host }` into the job file and publish it again; on a single machine, `verification: { quorum: 2, independence: executor }`.'
  },
  losing_devices: {
    about: 'job',
    sentence: 'The job is paused: on several hosts the graphics device was lost while they computed it.',
    remedy: 'Correct the kernel: its dispatches crash graphics drivers. Publish it again, or let this job go on.'
  },
  no_capable_volunteer: {
    about: 'job',
    sentence: 'No connected volunteer can run this kernel.',
    remedy: 'Add a CPU version of the kernel, or connect a host with WebGPU.'
  }
})

export type ReasonCode = keyof typeof REASONS
export const reasonCodeSchema = z.enum(Object.keys(REASONS) as [ReasonCode, ...ReasonCode[]])

/** Why a unit failed on a host. */
export const unitFailures = [
  'compile_error',
  'runtime_error',
  'timeout',
  'output_too_large',
  'output_shape',
  'missing_blob',
  'out_of_memory',
  'device_lost',
  'kernel_not_admitted',
  'bad_signature',
  'verification_failed',
  'verifier_failed',
  'cancelled'
] as const
export const unitFailureSchema = z.enum(unitFailures)
export type UnitFailure = z.infer<typeof unitFailureSchema>
