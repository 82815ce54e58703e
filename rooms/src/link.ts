/**
 * The link to a room: `https://HOST/#/room/SECRET?name=NAME&via=RELAY&via=RELAY`. The secret stands behind the `#`, which no
 * browser sends to a server. Whoever has the link is a member, and can do everything that any member can.
 */
import { fromBase64Url, PeerComputeError, toBase64Url, type Bytes } from '@peercompute/job-specs'
import { z } from 'zod'

export const ROOM_SECRET_BYTES = 32
export const ROOM_NAME_MAX = 64
export const ROOM_RELAYS_MAX = 8
/** A QR code of version 40 holds 2 953 bytes; this many are still read from a screen by a telephone. */
export const ROOM_LINK_MAX = 1_500

const linkSchema = z.strictObject({
  page: z
    .string()
    .max(512)
    .refine(
      (page) => page === '' || (URL.canParse(page) && /^https?:$/.test(new URL(page).protocol)),
      'must begin with http:// or https://'
    ),
  secret: z
    .string()
    .regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/, 'must be 43 characters of base64url')
    .transform((text) => fromBase64Url(text)),
  name: z
    .string()
    .max(ROOM_NAME_MAX)
    .regex(/^[^\p{Cc}\p{Cf}]*$/u, 'must not hold control characters'),
  via: z
    .array(
      z
        .string()
        .max(256)
        .regex(/^(\/[A-Za-z0-9.:_-]+)+\/p2p\/[A-Za-z0-9]+$/, 'must be a relay address that ends in /p2p/ID')
    )
    .min(1, 'must name a relay')
    .max(ROOM_RELAYS_MAX)
})

export interface RoomLink {
  /** Page that opens it, without fragment; empty when there is none, e.g. for the command line. */
  readonly page: string
  readonly secret: Bytes
  /** What its maker called it; empty for none. Not authenticated: whoever passes the link on may change it. */
  readonly name: string
  /** Addresses of relays, each ending in `/p2p/ID`. */
  readonly via: readonly string[]
}

export interface NewRoom {
  readonly page?: string
  readonly name?: string
  readonly via: readonly string[]
  /** By default 32 new random bytes: a new room. */
  readonly secret?: Bytes
}

/** Throws ROOM_LINK_INVALID when a part is out of its limits. */
export function createRoomLink({ page = '', name = '', via, secret }: NewRoom): string {
  const bytes = secret ?? crypto.getRandomValues(new Uint8Array(ROOM_SECRET_BYTES))
  const query = new URLSearchParams([...(name === '' ? [] : [['name', name]]), ...via.map((relay) => ['via', relay])])
  // addresses stay readable, and the code small: `/` and `:` are allowed in a query
  const text = `${page}#/room/${toBase64Url(bytes)}?${query.toString().replaceAll('%2F', '/').replaceAll('%3A', ':')}`
  parseRoomLink(text)
  return text
}

/** Throws ROOM_LINK_INVALID. The message never repeats the secret. */
export function parseRoomLink(text: string): RoomLink {
  const link = text.trim()
  if (link.length > ROOM_LINK_MAX) throw invalid(`it has ${link.length} characters, ${ROOM_LINK_MAX} are allowed`)
  const [, page, secret, query] = /^([^#]*)#\/room\/([^?#]*)(?:\?([^#]*))?$/.exec(link) ?? []
  if (page === undefined || secret === undefined) throw invalid('it has no "#/room/" with a secret behind it')
  const values = new URLSearchParams(query ?? '')
  const parsed = linkSchema.safeParse({ page, secret, name: values.get('name') ?? '', via: values.getAll('via') })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw invalid(`${issue?.path.join('.') ?? 'it'} ${issue?.message ?? 'is not understood'}`)
}

function invalid(detail: string): PeerComputeError {
  return new PeerComputeError('ROOM_LINK_INVALID', detail)
}
