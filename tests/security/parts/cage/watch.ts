/** Everything that the attacks aim at, watched. All of it is on this machine's loopback and in a temporary folder. */
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer as createTcpServer, connect, type AddressInfo, type Server } from 'node:net'
import { getPriority, setPriority, tmpdir } from 'node:os'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { randomBytes } from 'node:crypto'
import type { Targets } from './attacks.ts'

export interface Watch extends AsyncDisposable {
  readonly targets: Targets
  /** What has happened since the last call, by detector. `seen`: what the attack says that it read. */
  evidence(seen?: Uint8Array): Promise<string[]>
}

const LOOK_MS = 25

async function listening(server: Server, where: number | string): Promise<Server> {
  server.listen(typeof where === 'number' ? { port: where, host: '127.0.0.1' } : { path: where })
  await once(server, 'listening')
  return server
}

function addonPath(): string {
  const folder = dirname(createRequire(import.meta.url).resolve('webgpu'))
  const arch = process.platform === 'darwin' ? 'universal' : process.arch
  return join(folder, 'dist', `${process.platform}-${arch}`, 'dawn.node')
}

export async function startWatch(): Promise<Watch> {
  const home = await mkdtemp(join(tmpdir(), 'peercompute-targets-'))
  const folder = join(home, 'folder')
  await mkdir(folder)
  const secret = randomBytes(16).toString('hex')
  const secretFile = join(home, 'secret.txt')
  await writeFile(secretFile, secret)
  const heard = new Set<string>()

  const hears = (detector: string) =>
    createTcpServer((socket) => {
      heard.add(detector)
      socket.on('error', () => undefined)
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    })
  const tcp = await listening(hears('tcp'), 0)
  const unixPath = join(home, 'socket')
  const unix = await listening(hears('unix'), unixPath)
  const udp = createSocket('udp4', () => heard.add('udp'))
  udp.bind(0, '127.0.0.1')
  await once(udp, 'listening')
  const free = await listening(createTcpServer(), 0)
  const freePort = (free.address() as AddressInfo).port
  free.close()
  await once(free, 'close')
  const looking = setInterval(() => {
    const socket = connect(freePort, '127.0.0.1', () => heard.add('listener'))
    socket.on('connect', () => socket.destroy()).on('error', () => undefined)
  }, LOOK_MS)

  const victim = spawn(
    process.execPath,
    [
      '-e',
      "process.on('SIGUSR2', () => process.stdout.write('s')); process.stdin.on('data', () => process.stdout.write('e')); process.stdout.write('r')"
    ],
    {
      env: { PEERCOMPUTE_CANARY: secret },
      stdio: ['pipe', 'pipe', 'ignore']
    }
  )
  await once(victim.stdout, 'data')
  let echoes = 0
  victim.stdout.on('data', (piece: Uint8Array) => {
    for (const byte of piece) {
      if (byte === 0x73) heard.add('signal')
      else echoes++
    }
  })
  /** A signal that came before is told before the second echo. */
  const signalsTold = async () => {
    for (const wanted of [1, 2]) {
      if (wanted === 1) echoes = 0
      victim.stdin.write('x')
      while (echoes < wanted) await once(victim.stdout, 'data')
    }
  }
  const pid = victim.pid ?? 0
  const priority = getPriority(pid)

  return {
    targets: {
      secret,
      secretFile,
      folder,
      tcp: (tcp.address() as AddressInfo).port,
      udp: udp.address().port,
      unix: unixPath,
      freePort,
      victim: pid,
      addon: addonPath()
    },
    async evidence(seen = new Uint8Array()) {
      await signalsTold()
      const found = new Set(heard)
      heard.clear()
      for (const name of await readdir(folder)) {
        found.add(`file ${name}`)
        await rm(join(folder, name), { recursive: true, force: true })
      }
      if (getPriority(pid) !== priority) found.add('priority')
      setPriority(pid, priority)
      if (victim.exitCode !== null || victim.signalCode !== null) found.add('victim ended')
      if (Buffer.from(seen).includes(secret)) found.add('secret')
      return [...found].sort()
    },
    async [Symbol.asyncDispose]() {
      clearInterval(looking)
      victim.kill('SIGKILL')
      tcp.close()
      unix.close()
      udp.close()
      await rm(home, { recursive: true, force: true })
    }
  }
}
