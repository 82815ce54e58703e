/**
 * Identifiers. Each is a string with one textual form, checked once at the edge and branded inside.
 * Keys are raw Ed25519 public keys (32 bytes) in base64url without padding: 43 characters.
 */
import { z } from 'zod'

const publicKey = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be an Ed25519 public key in base64url (43 characters)')
const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex (64 characters)')

/** A person or a lab. Certifies host keys. */
export const accountIdSchema = publicKey.brand<'AccountId'>()
export type AccountId = z.infer<typeof accountIdSchema>

/** One browser profile or one machine. Signs reports and its own feed. */
export const hostIdSchema = publicKey.brand<'HostId'>()
export type HostId = z.infer<typeof hostIdSchema>

/** The root key of a coordinator, pinned by its clients. */
export const rootIdSchema = publicKey.brand<'RootId'>()
export type RootId = z.infer<typeof rootIdSchema>

/** Whoever writes a feed: an installation key or a coordinator's operational key. */
export const authorIdSchema = publicKey.brand<'AuthorId'>()
export type AuthorId = z.infer<typeof authorIdSchema>

/** SHA-256 of the canonical bytes of `{author, spec}` (see signed-spec.ts). */
export const jobIdSchema = sha256Hex.brand<'JobId'>()
export type JobId = z.infer<typeof jobIdSchema>

export const contentHashSchema = sha256Hex.brand<'ContentHash'>()
export type ContentHash = z.infer<typeof contentHashSchema>

export const signatureSchema = z.string().regex(/^[A-Za-z0-9_-]{86}$/, 'must be an Ed25519 signature in base64url (86 characters)')

/** Index of a work unit inside its job: 0 … unitCount − 1. */
export const unitIndexSchema = z.int().min(0).max(Number.MAX_SAFE_INTEGER)

/** Number of a lease inside its job, from 1. Never reused, so it tells a late report from a current one. */
export const epochSchema = z.int().min(1).max(Number.MAX_SAFE_INTEGER)

/** Epoch milliseconds. Advisory when it comes from a client: shown, never scored. */
export const timestampSchema = z.int().min(0).max(8_640_000_000_000_000)

/** First characters of an id, for people. */
export function shortId(id: string): string {
  return id.slice(0, 8)
}
