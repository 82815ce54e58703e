/** Under which origins a listening server can be reached when nobody has named a public one. */
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'

const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

/** `http://ADDRESS:PORT` for each address; loopback first. */
export function localOrigins(host: string, port: number): readonly string[] {
  const hosts = EVERYWHERE.has(host) ? ['127.0.0.1', ...outwardAddresses()] : [host === 'localhost' ? '127.0.0.1' : host]
  return hosts.map((address) => `http://${isIPv6(address) ? `[${address}]` : address}:${port}`)
}

function outwardAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)
}
