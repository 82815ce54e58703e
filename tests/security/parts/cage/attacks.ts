/** What a hostile JavaScript job tries against a headless volunteer. Each is the body of an async function over `at` (targets) and `seen` (its output). */

/** What the attacks aim at; the test watches all of it. */
export interface Targets {
  readonly secret: string
  readonly secretFile: string
  /** An empty folder. */
  readonly folder: string
  readonly tcp: number
  readonly udp: number
  readonly unix: string
  /** Nobody listens there. */
  readonly freePort: number
  /** A process with the secret in its environment. */
  readonly victim: number
  /** A native add-on for Node. */
  readonly addon: string
}

export interface Attack {
  readonly name: string
  readonly body: string
  /** It succeeds in plain Node, so that its detector is known to work. */
  readonly control: boolean
  /** A wall of the runtime itself stops it, also where the prelude is not in front. */
  readonly bare: boolean
  /** It may end or spoil its program, so it has a job of its own. */
  readonly alone: boolean
}

export const FORGED = 0xee

/** In front of each body. `mod` and `tries` go every way that a runtime offers. */
export const HELPERS = `
const deno = globalThis.Deno
async function mod(name) {
  const ways = [() => import('node:' + name), () => globalThis.process.getBuiltinModule(name), () => globalThis.require('node:' + name), () => import(name)]
  for (const way of ways) { try { const found = await way(); if (found) return found } catch {} }
  throw new Error('no ' + name)
}
async function tries(...ways) { for (const way of ways) { try { await way() } catch {} } }
const say = (text) => { seen.set(new TextEncoder().encode(String(text)).subarray(0, seen.length)) }
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const reached = () => { say(at.secret) }
`

const both = (name: string, body: string): Attack => ({ name, body, control: true, bare: true, alone: false })
/** A runtime has it or not; plain Node has not. */
const denoOnly = (name: string, body: string): Attack => ({ name, body, control: false, bare: true, alone: false })
const behindPrelude = (name: string, body: string, control = true): Attack => ({ name, body, control, bare: false, alone: false })
const alone = (name: string, body: string, control = true): Attack => ({ name, body, control, bare: false, alone: true })

export const ATTACKS: readonly Attack[] = [
  both(
    'reads a file',
    `await tries(
      async () => say((await mod('fs')).readFileSync(at.secretFile, 'utf8')),
      () => say(deno.readTextFileSync(at.secretFile)),
      async () => say((await import('file://' + at.secretFile, { with: { type: 'text' } })).default),
      async () => say((await import('data:text/javascript,' + encodeURIComponent('export { default } from ' + JSON.stringify('file://' + at.secretFile) + ' with { type: "text" }'))).default),
      async () => say(await (await fetch('file://' + at.secretFile)).text()))`
  ),
  both(
    'writes a file',
    `await tries(
      async () => (await mod('fs')).writeFileSync(at.folder + '/written', 'x'),
      async () => (await mod('fs')).mkdirSync(at.folder + '/made'),
      () => deno.writeTextFileSync(at.folder + '/written', 'x'))`
  ),
  both(
    'reads the environment',
    `await tries(
      async () => say((await mod('process')).env.PEERCOMPUTE_CANARY),
      () => say(globalThis.process.env.PEERCOMPUTE_CANARY),
      () => say(deno.env.get('PEERCOMPUTE_CANARY')))`
  ),
  both(
    'connects over TCP',
    `await tries(
      async () => { const { connect } = await mod('net'); await new Promise((done) => { const socket = connect(at.tcp, '127.0.0.1'); socket.on('close', done); socket.on('error', done); setTimeout(done, 300) }) },
      () => deno.connect({ port: at.tcp }))`
  ),
  both(
    'sends over UDP',
    `await tries(
      async () => { const socket = (await mod('dgram')).createSocket('udp4'); await new Promise((done) => { socket.on('error', done); socket.send('x', at.udp, '127.0.0.1', done); setTimeout(done, 300) }); socket.close() },
      async () => { const socket = deno.listenDatagram({ port: 0, transport: 'udp' }); await socket.send(new Uint8Array(1), { transport: 'udp', hostname: '127.0.0.1', port: at.udp }) })`
  ),
  both(
    'asks a name server',
    `await tries(
      async () => { const { Resolver } = (await mod('dns')).promises; const resolver = new Resolver({ timeout: 200, tries: 1 }); resolver.setServers(['127.0.0.1:' + at.udp]); await resolver.resolve4('secret.example') },
      () => Promise.race([deno.resolveDns('secret.example', 'A', { nameServer: { ipAddr: '127.0.0.1', port: at.udp } }), pause(200)]))`
  ),
  both(
    'listens',
    `await tries(
      async () => { const { createServer } = await mod('net'); const server = createServer(); await new Promise((done, fail) => { server.on('error', fail); server.listen(at.freePort, '0.0.0.0', done) }); await pause(400); server.close() },
      async () => { const server = deno.listen({ port: at.freePort }); await pause(400); server.close() })`
  ),
  both(
    'connects to a Unix socket',
    `await tries(
      async () => { const { connect } = await mod('net'); await new Promise((done) => { const socket = connect(at.unix); socket.on('close', done); socket.on('error', done); setTimeout(done, 300) }) },
      () => deno.connect({ transport: 'unix', path: at.unix }))`
  ),
  both('fetches', `await tries(() => Promise.race([fetch('http://127.0.0.1:' + at.tcp + '/x'), pause(300)]))`),
  both(
    'opens a WebSocket',
    `await tries(() => new Promise((done) => { const socket = new WebSocket('ws://127.0.0.1:' + at.tcp); socket.onerror = done; socket.onclose = done; setTimeout(done, 300) }))`
  ),
  both(
    'asks over HTTP',
    `await tries(async () => { const { get } = await mod('http'); await new Promise((done) => { get({ port: at.tcp, host: '127.0.0.1' }).on('error', done); setTimeout(done, 300) }) })`
  ),
  both(
    'starts a program',
    `await tries(
      async () => (await mod('child_process')).execFileSync('/bin/sh', ['-c', 'echo x > ' + at.folder + '/spawned']),
      () => new deno.Command('/bin/sh', { args: ['-c', 'echo x > ' + at.folder + '/spawned'] }).outputSync())`
  ),
  both(
    'loads native code',
    `await tries(
      async () => { (await mod('process')).dlopen({ exports: {} }, at.addon); reached() },
      () => { globalThis.process.dlopen({ exports: {} }, at.addon); reached() },
      () => { deno.dlopen('libc.so.6', { getpid: { parameters: [], result: 'i32' } }).symbols.getpid(); reached() })`
  ),
  both(
    'looks into /proc',
    `await tries(
      async () => { if ((await mod('fs')).readFileSync('/proc/' + at.victim + '/environ', 'latin1').includes(at.secret)) reached() },
      () => { if (deno.readTextFileSync('/proc/' + at.victim + '/environ').includes(at.secret)) reached() },
      async () => { (await mod('fs')).openSync('/proc/self/mem', 'r'); reached() })`
  ),
  both(
    'plants a link',
    `await tries(
      async () => { const fs = await mod('fs'); fs.symlinkSync(at.secretFile, at.folder + '/link'); say(fs.readFileSync(at.folder + '/link', 'utf8')) },
      async () => { const fs = await mod('fs'); fs.symlinkSync(at.secretFile, '/cage/link'); say(fs.readFileSync('/cage/link', 'utf8')) },
      () => { deno.symlinkSync(at.secretFile, at.folder + '/link'); say(deno.readTextFileSync(at.folder + '/link')) })`
  ),
  both(
    'writes through SQLite',
    `await tries(
      async () => { const { DatabaseSync } = await mod('sqlite'); new DatabaseSync(at.folder + '/base.db').exec('create table t (x)') },
      async () => { const { DatabaseSync } = await mod('sqlite'); new DatabaseSync(':memory:').exec("attach '" + at.folder + "/attached.db' as a; create table a.t (x)") })`
  ),
  both(
    'signals another process',
    `await tries(
      async () => (await mod('process')).kill(at.victim, 'SIGUSR2'),
      () => globalThis.process.kill(at.victim, 'SIGUSR2'),
      () => deno.kill(at.victim, 'SIGUSR2'))`
  ),
  both('changes the priority of another process', `await tries(async () => (await mod('os')).setPriority(at.victim, 7))`),
  denoOnly(
    'keeps something in localStorage',
    `await tries(() => say(localStorage.getItem('kept') ?? ''), () => localStorage.setItem('kept', at.secret), () => say(sessionStorage.getItem('kept') ?? ''), () => sessionStorage.setItem('kept', at.secret))`
  ),
  behindPrelude(
    'keeps something in a cache',
    `await tries(async () => { const cache = await caches.open('kept'); const found = await cache.match('http://kept.example/'); if (found) say(await found.text()); await cache.put('http://kept.example/', new Response(at.secret)) })`,
    false
  ),
  behindPrelude(
    'starts workers',
    `await tries(
      async () => { const { Worker } = await mod('worker_threads'); await new Promise((done) => { new Worker('require("node:worker_threads").parentPort.postMessage(1)', { eval: true }).on('message', () => { reached(); done() }); setTimeout(done, 500) }) },
      () => new Promise((done) => { const worker = new Worker('data:text/javascript,postMessage(1)', { type: 'module' }); worker.onmessage = () => { reached(); done() }; setTimeout(done, 300) }))`
  ),
  both(
    'opens the inspector',
    `await tries(async () => { const inspector = await mod('inspector'); inspector.open(at.freePort, '0.0.0.0'); await pause(400); inspector.close() })`
  ),
  alone('fills the heap', `const all = []; for (;;) all.push(new Array(1e6).fill(all.length))`, false),
  alone('fills buffers', `const all = []; for (;;) all.push(new Uint8Array(1e7).fill(1))`, false),
  alone(
    'grows WASM memories',
    `const all = []; for (;;) { const memory = new WebAssembly.Memory({ initial: 1000 }); new Uint8Array(memory.buffer).fill(1); all.push(memory) }`,
    false
  ),
  alone('floods with messages', `for (;;) postMessage({ type: 'progress', unit: 0, fraction: 0.5, junk: new Uint8Array(100000) })`, false),
  alone(
    'floods with output',
    `postMessage({ type: 'value', unit: 0, value: new Uint8Array(200000000), computeMs: 0 }); throw new Error('x'.repeat(50000000))`,
    false
  ),
  alone(
    'talks on standard output in place of the host',
    `const head = new TextEncoder().encode(JSON.stringify({ type: 'answer', worker: 1, answer: { type: 'value', unit: 0, value: { $bytes: [0, seen.length] }, computeMs: 0 } }))
    const frame = new Uint8Array(8 + head.length + seen.length).fill(${FORGED})
    new DataView(frame.buffer).setUint32(0, head.length, true)
    new DataView(frame.buffer).setUint32(4, seen.length, true)
    frame.set(head, 8)
    await tries(
      async () => (await mod('fs')).writeSync(1, frame),
      async () => (await mod('process')).stdout.write(frame),
      () => globalThis.process.stdout.write(frame),
      () => deno.stdout.writeSync(frame),
      async () => (await mod('fs')).readSync(0, new Uint8Array(100)),
      () => console.log(new TextDecoder('latin1').decode(frame)))`
  ),
  alone(
    'bends prototypes',
    `const found = []
    const look = (value) => { try { if (value && (value.env || value.readFileSync || value.postMessage || value.builtinModules || value.dlopen)) found.push(value) } catch {} }
    for (const name of ['call', 'apply', 'bind']) {
      const own = Function.prototype[name]
      Function.prototype[name] = function (...all) { look(this); all.forEach(look); return Reflect.apply(own, this, all) }
    }
    Error.prepareStackTrace = (_, sites) => { for (const site of sites) { try { look(site.getThis()); look(site.getFunction()) } catch {} } return '' }
    Object.defineProperty(Object.prototype, 'transfer', { set(value) { look(this) }, get() { look(this) } })
    Array.prototype.push = new Proxy(Array.prototype.push, { apply(own, self, all) { all.forEach(look); return Reflect.apply(own, self, all) } })
    await tries(
      () => new Error('x').stack,
      () => null.x,
      async () => say((await (async () => {}).constructor('return import("node:fs")')()).readFileSync(at.secretFile, 'utf8')),
      async () => say((await globalThis.constructor.constructor('return process')().getBuiltinModule('fs')).readFileSync(at.secretFile, 'utf8')),
      async () => { await pause(20); for (const one of found) await tries(() => say(one.env.PEERCOMPUTE_CANARY), () => say(one.readFileSync(at.secretFile, 'utf8')), () => say(one.getBuiltinModule('fs').readFileSync(at.secretFile, 'utf8'))) })
    postMessage({ type: 'value', unit: 1, value: new Uint8Array(seen.length).fill(${FORGED}), computeMs: 0 })`
  )
]
