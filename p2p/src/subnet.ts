/** The neighbourhood of an address, the unit in which machines of one owner are suspected. */

/** IPv4 /24 or IPv6 /48 of a multiaddr, `relayed` for a circuit, `unknown` when it holds no IP. */
export function subnetOf(address: string): string {
  if (address.includes('/p2p-circuit')) return 'relayed'
  const [, family, host = ''] = address.split('/')
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1]
  if (family === 'ip4' || mapped !== undefined) return `${(mapped ?? host).split('.').slice(0, 3).join('.')}.0/24`
  if (family === 'ip6') return `${expand(host).slice(0, 3).join(':')}::/48`
  return 'unknown'
}

/** The eight groups of an IPv6 address, without leading zeros. */
function expand(host: string): string[] {
  const [left = '', right] = host.toLowerCase().split('::')
  const groups = (part: string | undefined): string[] => (part === undefined || part === '' ? [] : part.split(':'))
  const [head, tail] = [groups(left), groups(right)]
  const zeros = right === undefined ? 0 : Math.max(0, 8 - head.length - tail.length)
  return [...head, ...Array<string>(zeros).fill('0'), ...tail].map((group) => group.replace(/^0+(?=.)/, ''))
}
