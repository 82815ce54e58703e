/** What stands before a public coordinator: ends TLS with a certificate made for this test, and passes everything on. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:tls'

export interface TlsProxy {
  readonly port: number
  /** The certificate, for clients that must trust it. */
  readonly certificateFile: string
  readonly certificate: string
  /** First line of each request that came through, upgrades as `UPGRADE /path`. */
  readonly requests: readonly string[]
  /** Where it passes everything on to. */
  forwardTo(port: number): void
  stop(): Promise<void>
}

export async function startTlsProxy(): Promise<TlsProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'peercompute-tls-'))
  const [keyFile, certificateFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  execFileSync('openssl', ['req', '-x509', '-days', '2', ...curve, ...subject, '-keyout', keyFile, '-out', certificateFile], {
    stdio: 'ignore'
  })
  const certificate = readFileSync(certificateFile, 'utf8')
  const requests: string[] = []
  const open = new Set<{ destroy(): unknown }>()
  let target = 0

  const server = createServer({ key: readFileSync(keyFile), cert: certificate }, (socket) => {
    const upstream = connect(target, '127.0.0.1')
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1')
      const [, method, path] = /^(GET|POST|PUT) (\S+) HTTP\/1\.1\r\n/.exec(text) ?? []
      if (method !== undefined && path !== undefined) requests.push(`${/^upgrade: websocket\r$/im.test(text) ? 'UPGRADE' : method} ${path}`)
    })
    socket.pipe(upstream).pipe(socket)
    socket.on('error', () => upstream.destroy())
    upstream.on('error', () => socket.destroy())
    socket.on('close', () => upstream.destroy())
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return {
    port: address.port,
    certificateFile,
    certificate,
    requests,
    forwardTo(port) {
      target = port
    },
    async stop() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
