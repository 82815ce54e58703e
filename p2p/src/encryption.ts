/** How connections are encrypted: always, except between processes of one machine that somebody wants to look into. */
import { quietNoise } from './quiet-noise.ts'
import { multiaddr } from '@multiformats/multiaddr'
import { PeerComputeError } from '@peercompute/job-specs'

/**
 * Noise. With `unencrypted`, no encryption at all: a development switch, for packet dumps and profiles of the loopback. Rejects with
 * CONFIG_INVALID then when one of the addresses is not of this machine, or when there is none.
 */
export async function encryption(unencrypted: boolean, addresses: readonly string[]): Promise<Encryption> {
  if (!unencrypted) return quietNoise()
  const strangers = addresses.filter((address) => !isLoopback(address))
  if (strangers.length > 0 || addresses.length === 0) {
    throw new PeerComputeError(
      'CONFIG_INVALID',
      `connections may be unencrypted on loopback only, not to ${strangers.length === 0 ? 'anybody' : strangers.join(', ')}`
    )
  }
  return (await import('@libp2p/plaintext')).plaintext()
}

type Encryption = ReturnType<typeof quietNoise> | ReturnType<typeof import('@libp2p/plaintext').plaintext>

/** By number: a name may come to mean another machine. */
function isLoopback(address: string): boolean {
  const [first] = multiaddr(address).getComponents()
  return (first?.name === 'ip4' && first.value?.startsWith('127.') === true) || (first?.name === 'ip6' && first.value === '::1')
}
