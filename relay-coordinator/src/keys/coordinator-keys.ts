/**
 * The keys of a coordinator, one file each in `keys/` of the data folder:
 *
 *   root.key          pinned by clients; certifies the operational key. May be kept elsewhere: only rotation needs it.
 *   operational.json  signs the feed and admissions. Key and certificate in one file, so that a rotation is one rename.
 *   custodial.key     author of the jobs that were published with a token.
 *   peer.key          libp2p identity; a new one after a restart would strand every client.
 */
import { join } from 'node:path'
import {
  certifyCoordinator,
  coordinatorCertificateSchema,
  generateKeyPair,
  PeerComputeError,
  verifyCoordinatorCertificate,
  type CoordinatorCertificate,
  type KeyPair
} from '@peercompute/job-specs'
import { z } from 'zod'
import { writeFileAtomically } from '../config/atomic-file.ts'
import { keyFromPem, keyToPem, loadOrCreateKey, readSecret } from './key-file.ts'

export interface CoordinatorKeys {
  readonly certificate: CoordinatorCertificate
  readonly operational: KeyPair
  readonly custodial: KeyPair
  readonly peer: KeyPair
  /** Made just now: nobody can remember anything of this coordinator. */
  readonly fresh: boolean
}

const operationalFileSchema = z.strictObject({ certificate: coordinatorCertificateSchema, key: z.string().max(4_096) })
const bundleSchema = z.strictObject({
  v: z.literal(1),
  certificate: coordinatorCertificateSchema,
  root: z.string().max(4_096).nullable(),
  operational: z.string().max(4_096),
  custodial: z.string().max(4_096),
  peer: z.string().max(4_096)
})

const paths = (folder: string) => ({
  root: join(folder, 'root.key'),
  operational: join(folder, 'operational.json'),
  custodial: join(folder, 'custodial.key'),
  peer: join(folder, 'peer.key')
})

/** Loads the keys, making what is missing. Throws KEY_INVALID. `now` is epoch ms. */
export async function loadCoordinatorKeys(folder: string, now: number): Promise<CoordinatorKeys> {
  const files = paths(folder)
  const held = await readOperational(files.operational)
  // A root that was brought back without its operational key is known, too.
  const fresh = held === null && (await readSecret(files.root)) === null
  // Its earlier keys may be known under any serial: the time outranks them.
  const operational = held ?? (await certifyNew(folder, fresh ? 1 : Math.floor(now / 1_000), now))
  return { ...operational, fresh, custodial: await loadOrCreateKey(files.custodial), peer: await loadOrCreateKey(files.peer) }
}

/**
 * Replaces the operational key; clients accept it because the root that they pinned certifies it with a higher serial.
 * The coordinator must not be running. Throws KEY_INVALID when the root key is not in the folder.
 */
export async function rotateOperationalKey(folder: string, now: number): Promise<CoordinatorCertificate> {
  const files = paths(folder)
  const current = await readOperational(files.operational)
  if (current === null)
    throw new PeerComputeError('KEY_INVALID', `${files.operational} is missing: start the coordinator once before rotating`)
  if ((await readSecret(files.root)) === null)
    throw new PeerComputeError('KEY_INVALID', `${files.root} is missing: bring the root key back to rotate`)
  return (await certifyNew(folder, current.certificate.serial + 1, now)).certificate
}

/** All keys as one text, each an encrypted PKCS#8 PEM. Keep it away from the server. */
export async function exportKeys(folder: string, passphrase: string): Promise<string> {
  const files = paths(folder)
  const operational = await readOperational(files.operational)
  if (operational === null) throw new PeerComputeError('KEY_INVALID', `${files.operational} is missing: there is nothing to export`)
  const root = await readSecret(files.root)
  return JSON.stringify(
    {
      v: 1,
      certificate: operational.certificate,
      root: root === null ? null : await keyToPem(await keyFromPem(root, files.root), passphrase),
      operational: await keyToPem(operational.operational, passphrase),
      custodial: await keyToPem(await loadOrCreateKey(files.custodial), passphrase),
      peer: await keyToPem(await loadOrCreateKey(files.peer), passphrase)
    } satisfies z.infer<typeof bundleSchema>,
    null,
    2
  )
}

/**
 * Writes exported keys into a folder. An identity that is there already is never overwritten by another one.
 * Throws KEY_INVALID for a wrong passphrase, a damaged bundle, or a folder that belongs to another root.
 */
export async function recoverKeys(folder: string, bundle: string, passphrase: string): Promise<CoordinatorCertificate> {
  const files = paths(folder)
  const { certificate, ...pems } = parse(bundleSchema, bundle, 'the exported keys')
  const operational = await keyFromPem(pems.operational, 'operational', passphrase)
  await mustBelong(certificate, operational, 'the exported keys')
  const present = await readOperational(files.operational)
  if (present !== null && present.certificate.root !== certificate.root) {
    throw new PeerComputeError('KEY_INVALID', `${folder} holds the keys of another coordinator (root ${present.certificate.root})`)
  }
  const custodial = await keyFromPem(pems.custodial, 'custodial', passphrase)
  const peer = await keyFromPem(pems.peer, 'peer', passphrase)
  if (pems.root !== null) await writeFileAtomically(files.root, await keyToPem(await keyFromPem(pems.root, 'root', passphrase)))
  await writeFileAtomically(files.custodial, await keyToPem(custodial))
  await writeFileAtomically(files.peer, await keyToPem(peer))
  await writeOperational(files.operational, certificate, operational)
  return certificate
}

async function certifyNew(
  folder: string,
  serial: number,
  now: number
): Promise<{ certificate: CoordinatorCertificate; operational: KeyPair }> {
  const files = paths(folder)
  const root = await loadOrCreateKey(files.root)
  const operational = await generateKeyPair({ extractable: true })
  const certificate = await certifyCoordinator(root, operational.publicKey, serial, now)
  await writeOperational(files.operational, certificate, operational)
  return { certificate, operational }
}

async function writeOperational(path: string, certificate: CoordinatorCertificate, operational: KeyPair): Promise<void> {
  await writeFileAtomically(path, JSON.stringify({ certificate, key: await keyToPem(operational) }, null, 2))
}

async function readOperational(path: string): Promise<{ certificate: CoordinatorCertificate; operational: KeyPair } | null> {
  const text = await readSecret(path)
  if (text === null) return null
  const { certificate, key } = parse(operationalFileSchema, text, path)
  const operational = await keyFromPem(key, path)
  await mustBelong(certificate, operational, path)
  return { certificate, operational }
}

async function mustBelong(certificate: CoordinatorCertificate, operational: KeyPair, source: string): Promise<void> {
  if (certificate.operational !== operational.publicKey)
    throw new PeerComputeError('KEY_INVALID', `${source}: the certificate is for another key`)
  if (!(await verifyCoordinatorCertificate(certificate, certificate.root)))
    throw new PeerComputeError('KEY_INVALID', `${source}: the signature of the certificate does not hold`)
}

function parse<T>(schema: z.ZodType<T>, text: string, source: string): T {
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new PeerComputeError('KEY_INVALID', `${source}: it is damaged`, { cause })
  }
}
