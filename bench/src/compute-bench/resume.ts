/** What a long unit loses when the power fails. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CHECKPOINT_EVERY_MS, jobDetailSchema, resultRowSchema } from '@peercompute/job-specs'
import { countingKernel, until } from '@peercompute/tests'
import { startChild } from '@peercompute/tests/child'
import { medianRow, type Part, type Run } from '../bench.ts'
import { benchSpec, signedJob, submit } from './bench-job.ts'
import type { CheckpointVolunteerCommands } from './checkpoint-volunteer.ts'
import { startFarCoordinator } from './served-pages.ts'

const WORK_MS = 10_000
const SAMPLES = 3
/** A host that has worked for less than 5 s is not waited for. */
const SAVES = 3
/** Shortly before the next state: the most that can be lost. */
const KILLED_AFTER_SAVE_MS = 0.9 * CHECKPOINT_EVERY_MS

async function lossSeconds(run: Run, url: string): Promise<{ readonly seconds: number; readonly pace: number }> {
  const kernel = countingKernel(WORK_MS)
  const folder = mkdtempSync(join(tmpdir(), 'peercompute-bench-'))
  run.after(() => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  const start = async () => {
    const child = await startChild<CheckpointVolunteerCommands>(new URL('checkpoint-volunteer.ts', import.meta.url))
    run.after(() => child.kill())
    await child.call('start', { url, folder })
    return child
  }
  const spec = { ...benchSpec(kernel.text, 1, {}, 120), outputs: [{ name: 'y', type: 'f32' as const, shape: [2] }] }
  const limits = { unitSeconds: 120, outputBytes: 8, memoryBytes: 67_108_864 }
  const id = await submit(url, await signedJob({ ...spec, limits }, kernel.text))
  const first = await start()
  const killable = async () => {
    const told = await first.call('told', undefined)
    const last = told.saved.at(-1) ?? Infinity
    return told.saved.length >= SAVES && Date.now() - last >= KILLED_AFTER_SAVE_MS ? told : null
  }
  const told = await until('the moment before a further state', killable, 60_000)
  await first.kill()
  if (told.first === null || told.at === told.first.at) throw new Error('no progress was told')
  const pace = (kernel.steps * (told.fraction - told.first.fraction)) / ((told.at - told.first.at) / 1_000)

  const second = await start()
  const settled = async () => jobDetailSchema.parse(await (await fetch(`${url}/api/v1/jobs/${id}`)).json()).units.validated === 1
  await until('the unit', settled, 60_000)
  await second.kill()
  const text = await (await fetch(`${url}/api/v1/jobs/${id}/results?format=ndjson&limit=1`)).text()
  const [sum = NaN, from = NaN] = resultRowSchema.parse(JSON.parse(text)).values['y'] ?? []
  if (sum !== kernel.sum) throw new Error(`the resumed unit has the result ${sum}, not ${kernel.sum}`)
  return { seconds: (kernel.steps * told.fraction - Number(from)) / pace, pace }
}

export const resumeLoss: Part = {
  ids: ['resume.loss'],
  limitSeconds: 240,
  async measure(run) {
    const { url } = await startFarCoordinator(run, false, 0)
    const samples: number[] = []
    for (let sample = 0; sample < SAMPLES; sample++) {
      const { seconds, pace } = await lossSeconds(run, url)
      samples.push(seconds)
      run.report(`resume.loss ${seconds.toFixed(2)} s of ${pace.toFixed(1)} steps/s`)
    }
    return {
      rows: [medianRow('resume.loss', 's', samples, '<= 5')],
      conditions: [
        `resume.loss: a headless volunteer in a process of its own and a JavaScript unit of about ${WORK_MS / 1_000} s that counts, tells its progress and saves; SIGKILL ${KILLED_AFTER_SAVE_MS / 1_000} s after its third or a later state (the next is due at ${CHECKPOINT_EVERY_MS / 1_000} s), then a new process on the same folder; what it had told before the kill less the step that it went on from, by its own pace`
      ]
    }
  }
}
