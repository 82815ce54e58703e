/**
 * Who speaks for whom.
 *
 *   account key  ─ certifies →  host key        (one browser profile or machine; signs reports and its feed)
 *   root key     ─ certifies →  operational key (signs the coordinator's feed; clients pin the root)
 *
 * The libp2p PeerId belongs to neither: it is made anew for each tab, because the same key in two tabs loses gossip.
 */
import { z } from 'zod'
import { accountIdSchema, authorIdSchema, hostIdSchema, rootIdSchema, signatureSchema, timestampSchema } from './ids.ts'
import { sign, verify, type KeyPair } from './keys.ts'

export const hostCertificateSchema = z.strictObject({
  v: z.literal(1),
  account: accountIdSchema,
  host: hostIdSchema,
  /** Name that its owner gave to this machine. Public, like the whole certificate; empty unless they chose one. */
  label: z.string().max(64),
  issuedAt: timestampSchema,
  sig: signatureSchema
})
export type HostCertificate = z.infer<typeof hostCertificateSchema>

export const coordinatorCertificateSchema = z.strictObject({
  v: z.literal(1),
  root: rootIdSchema,
  operational: authorIdSchema,
  /** Counts rotations. A higher serial replaces a lower one. */
  serial: z.int().min(1),
  issuedAt: timestampSchema,
  sig: signatureSchema
})
export type CoordinatorCertificate = z.infer<typeof coordinatorCertificateSchema>

export async function certifyHost(account: KeyPair, host: string, label: string, issuedAt: number): Promise<HostCertificate> {
  const body = { v: 1 as const, account: account.publicKey, host, label, issuedAt }
  return hostCertificateSchema.parse({ ...body, sig: await sign(account, 'host-certificate', body) })
}

export async function verifyHostCertificate(certificate: HostCertificate): Promise<boolean> {
  const { sig, ...body } = certificate
  return verify(body.account, 'host-certificate', body, sig)
}

export async function certifyCoordinator(
  root: KeyPair,
  operational: string,
  serial: number,
  issuedAt: number
): Promise<CoordinatorCertificate> {
  const body = { v: 1 as const, root: root.publicKey, operational, serial, issuedAt }
  return coordinatorCertificateSchema.parse({ ...body, sig: await sign(root, 'coordinator-certificate', body) })
}

/** `pinnedRoot` is what the client was given out of band (page bundle, flag, first contact). */
export async function verifyCoordinatorCertificate(certificate: CoordinatorCertificate, pinnedRoot: string): Promise<boolean> {
  const { sig, ...body } = certificate
  return body.root === pinnedRoot && (await verify(body.root, 'coordinator-certificate', body, sig))
}
