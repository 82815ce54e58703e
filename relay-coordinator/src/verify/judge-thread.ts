/** Worker thread of thread-judge.ts: verifiers run here, one value at a time. After an engine that gave up, the thread ends. */
import { parentPort } from 'node:worker_threads'
import type { JobId, Verdict } from '@peercompute/job-specs'
import { seededRandom, verifyValue, type Seed } from '@peercompute/job-specs/verifiers'
import { openCage } from './cage.ts'
import type { FromJudgeThread, ToJudgeThread } from './judge-messages.ts'
import type { ValueOfUnit } from './judge.ts'
import { verifyInCage } from './verify-in-cage.ts'

type Job = Extract<ToJudgeThread, { type: 'job' }>

const jobs = new Map<JobId, Job>()
const cage = await openCage()

function verdictOn({ spec, source, inputs }: Job, { unit, value }: ValueOfUnit, seed: Seed): Verdict {
  const { verification } = spec
  if (verification.policy !== 'verifier') return { pass: null, detail: 'The job has no verifier.' }
  try {
    if (verification.verify.kind !== 'custom') return verifyValue(verification.verify, spec, unit, value, inputs, seededRandom(seed))
    if (source === null) return { pass: null, detail: 'The program of the verifier is not here.' }
    return verifyInCage(cage, { spec, source, inputs }, unit, value, seed)
  } catch (error) {
    return { pass: null, detail: error instanceof Error ? error.message : String(error) }
  }
}

parentPort?.postMessage(null)
parentPort?.on('message', (message: ToJudgeThread) => {
  if (message.type === 'job') return void jobs.set(message.job, message)
  if (message.type === 'forget') return void jobs.delete(message.job)
  const job = jobs.get(message.job)
  const [a, b, c, d] = message.seed
  message.values.forEach((value, index) => {
    if (cage.broken) return
    const seed: Seed = [a, b, c, d + index]
    const verdict: FromJudgeThread = job === undefined ? { pass: null, detail: 'The job is unknown here.' } : verdictOn(job, value, seed)
    parentPort?.postMessage(verdict)
  })
  if (cage.broken) parentPort?.close()
})
