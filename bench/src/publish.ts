/** Publishing one small job as a program does it: sign, hand over, upload what is missing; then wait for the first settled unit. */
import { createIdentity } from '@peercompute/worker-client/node'
import { liveEventSchema, signSpec, submitAnswerSchema } from '@peercompute/job-specs'
import { specFor } from '@peercompute/kernels'
import { loadKernel } from '@peercompute/kernels/files'

const identity = await createIdentity({ label: 'bench', now: Date.now(), extractableHost: true })

/** Seconds from the submission to the event that tells of the first validated unit. */
export async function publish(url: string, revision: number): Promise<number> {
  const { manifest, programs, blobs } = await loadKernel('n-queens')
  const signed = await signSpec(
    identity.host,
    specFor(manifest, { params: { n: 8 }, revision, verification: { quorum: 2, independence: 'host' } }, programs)
  )
  const events = await fetch(`${url}/api/v1/events`, { headers: { accept: 'text/event-stream' } })
  if (events.body === null) throw new Error('no event stream')
  const reader = events.body.pipeThrough(new TextDecoderStream()).getReader()
  await reader.read()
  const from = performance.now()
  const answer = await fetch(`${url}/api/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(signed)
  })
  if (!answer.ok) throw new Error(await answer.text())
  const { id, missingBlobs } = submitAnswerSchema.parse(await answer.json())
  for (const sha256 of missingBlobs) {
    const bytes = blobs.get(sha256)
    if (bytes !== undefined) await fetch(`${url}/api/v1/blobs/${sha256}`, { method: 'PUT', body: Buffer.from(bytes) })
  }
  let text = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) throw new Error('the event stream ended')
    text += value
    for (const block of text.split('\n\n').slice(0, -1)) {
      const event = /^event: (\w+)$/m.exec(block)?.[1]
      const data = /^data: (.*)$/m.exec(block)?.[1]
      const parsed = data === undefined ? undefined : liveEventSchema.safeParse({ event, data: JSON.parse(data) as unknown })
      if (parsed?.success === true && parsed.data.event === 'job' && parsed.data.data.id === id && parsed.data.data.units.validated > 0) {
        await reader.cancel()
        return (performance.now() - from) / 1_000
      }
    }
    text = text.slice(text.lastIndexOf('\n\n') + 2)
  }
}
