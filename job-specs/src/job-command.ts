/** What an author tells a coordinator about a published job over HTTP, without a token: the signature stands for it. */
import { z } from 'zod'
import { authorIdSchema, jobIdSchema, signatureSchema, timestampSchema } from './ids.ts'
import { sign, verify, type KeyPair } from './keys.ts'

export const jobActions = ['cancel', 'pause', 'resume'] as const
export type JobAction = (typeof jobActions)[number]

export const jobCommandSchema = z.strictObject({
  author: authorIdSchema,
  job: jobIdSchema,
  action: z.enum(jobActions),
  /** Author's clock. A coordinator takes a job's commands in rising order only, so that an old one cannot be played again. */
  ts: timestampSchema,
  sig: signatureSchema
})
export type JobCommand = z.infer<typeof jobCommandSchema>

export async function signJobCommand(author: KeyPair, job: string, action: JobAction, ts: number): Promise<JobCommand> {
  const body = { author: author.publicKey, job, action, ts }
  return jobCommandSchema.parse({ ...body, sig: await sign(author, 'job-command', body) })
}

export async function verifyJobCommand(command: JobCommand): Promise<boolean> {
  const { sig, ...body } = command
  return verify(body.author, 'job-command', body, sig)
}
