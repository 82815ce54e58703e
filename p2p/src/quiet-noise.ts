/**
 * Noise that does not throw for each message. @chainsafe/libp2p-noise 17.0.0 and @libp2p/utils 7.4.1 look for the length of the next message
 * until an error says that there is none, and the stack that is written down for this error takes 5 % of a busy coordinator (measured).
 * `decoder` and its `lengthDecoder` are not public API: they are touched here only, and a test shows that errors are made without.
 */
import { noise } from '@chainsafe/libp2p-noise'
import type { ConnectionEncrypter, SecuredConnection } from '@libp2p/interface'

type Components = Parameters<ReturnType<typeof noise>>[0]

/** What ends the search. Made once: only its class is looked at. */
const TOO_SHORT = new RangeError('no length yet')

export function quietNoise(): (components: Components) => ConnectionEncrypter {
  return (components) => {
    const made: ConnectionEncrypter = noise()(components)
    const secureInbound = made.secureInbound.bind(made)
    const secureOutbound = made.secureOutbound.bind(made)
    made.secureInbound = async (connection, options) => quiet(await secureInbound(connection, options))
    made.secureOutbound = async (connection, options) => quiet(await secureOutbound(connection, options))
    return made
  }
}

function quiet<Extension>(secured: SecuredConnection<Extension>): SecuredConnection<Extension> {
  const decoder: unknown = Reflect.get(secured.connection, 'decoder')
  if (typeof decoder === 'object' && decoder !== null) Reflect.set(decoder, 'lengthDecoder', lengthOf)
  return secured
}

/** Big-endian, two bytes, of an Uint8ArrayList. */
function lengthOf(data: { readonly byteLength: number; get(index: number): number }): number {
  if (data.byteLength < 2) throw TOO_SHORT
  return (data.get(0) << 8) | data.get(1)
}
