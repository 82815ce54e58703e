/**
 * Identities at rest. Private keys are PKCS#8 in base64url.
 *
 * The export carries the account only: each installation makes its own host key, because one host key in two places
 * would write one feed twice.
 */
import { z } from 'zod'
import { hostCertificateSchema } from './certificates.ts'
import { accountIdSchema } from './ids.ts'

/** An Ed25519 key in PKCS#8 has 48 bytes, with the optional public half 83. */
const privateKeySchema = z.string().regex(/^[A-Za-z0-9_-]{64,128}$/, 'must be a private key in base64url')

/** What a volunteer keeps in a safe place, and brings to another device. */
export const accountExportSchema = z.strictObject({ v: z.literal(1), account: accountIdSchema, privateKey: privateKeySchema })
export type AccountExport = z.infer<typeof accountExportSchema>

/** `identity.json` of a headless volunteer, mode 0600. */
export const identityFileSchema = z.strictObject({
  v: z.literal(1),
  accountKey: privateKeySchema,
  hostKey: privateKeySchema,
  certificate: hostCertificateSchema
})
export type IdentityFile = z.infer<typeof identityFileSchema>
