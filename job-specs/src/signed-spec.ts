/** A job specification with its author's signature. The id covers author and spec, never the signature bytes. */
import { z } from 'zod'
import { canonicalBytes, digestHex, sha256Hex, signingInput, signingInputOf } from './canonical.ts'
import { authorIdSchema, signatureSchema, type AuthorId, type JobId } from './ids.ts'
import { jobSpecSchema, SPEC_MAX_BYTES, type JobSpec } from './job.ts'
import { sign, verifyBytes, type KeyPair } from './keys.ts'

export const signedSpecSchema = z.strictObject({
  author: authorIdSchema,
  spec: jobSpecSchema,
  sig: signatureSchema
})
export type SignedSpec = z.infer<typeof signedSpecSchema>

export function jobIdOf(author: string, spec: JobSpec): JobId {
  return sha256Hex(signingInput('spec', { author, spec })) as JobId
}

export async function signSpec(author: KeyPair, spec: JobSpec): Promise<SignedSpec> {
  return { author: author.publicKey as AuthorId, spec, sig: await sign(author, 'spec', { author: author.publicKey, spec }) }
}

/** True when the signature holds, the size is allowed and, where given, the id is the one of this spec. */
export async function verifySpec(signed: SignedSpec, expectedId?: JobId): Promise<boolean> {
  const { author, spec, sig } = signed
  const canonical = canonicalBytes({ author, spec })
  if (canonical.length > SPEC_MAX_BYTES + AROUND_SPEC_BYTES) return false
  if (expectedId !== undefined && (await digestHex(signingInputOf('spec', canonical))) !== expectedId) return false
  return verifyBytes(author, 'spec', canonical, sig)
}

/** Of `{author, spec}` in canonical form, what is not the specification: an author is always 43 characters. */
const AROUND_SPEC_BYTES = `{"author":"${'A'.repeat(43)}","spec":}`.length
