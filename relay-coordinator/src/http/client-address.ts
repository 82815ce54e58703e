/** Whose connection it is when reverse proxies stand in between: the nearest address that no trusted proxy vouches away. */
import { BlockList, isIP } from 'node:net'
import type { IncomingMessage } from 'node:http'

/** `undefined` when the socket has closed already. */
export type ClientAddress = (request: IncomingMessage) => string | undefined

/** `trusted`: addresses and ranges, checked by `serveConfigSchema`. Only what these proxies say in `X-Forwarded-For` is believed. */
export function clientAddressBehind(trusted: readonly string[]): ClientAddress {
  const proxies = blockListOf(trusted)
  return ({ socket, headers }) => {
    let address = socket.remoteAddress
    const hops = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',')
    for (const hop of hops.reverse().map((text) => text.trim())) {
      if (address === undefined || isIP(hop) === 0 || !proxies.check(address, familyOf(address))) break
      address = hop
    }
    return address
  }
}

function blockListOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/')
    if (prefix === undefined) list.addAddress(address, familyOf(address))
    else list.addSubnet(address, Number(prefix), familyOf(address))
  }
  return list
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}
