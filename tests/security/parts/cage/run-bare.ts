/** The attacks without the prelude in front: in plain Node, as a control of the detectors, and in the bare runtime of a cage, whose own walls are then alone. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ATTACKS, FORGED, HELPERS, type Attack } from './attacks.ts'
import type { Watch } from './watch.ts'

const ATTACK_MS = 2_000

function functionOf({ body }: Attack): string {
  return `async (at, seen) => {${HELPERS}\n${body}\n}`
}

/** All attacks one after another, with a word on standard error after each. `pause`: waits for a byte on standard input after each. */
function script(attacks: readonly Attack[], { targets }: Watch, pause: string): string {
  return `globalThis.Deno
  ? ['error', 'unhandledrejection'].forEach((type) => addEventListener(type, (event) => event.preventDefault()))
  : process.on('uncaughtException', () => undefined)
const at = ${JSON.stringify(targets)}
const attacks = [${attacks.map(functionOf).join(',\n')}]
;(async () => {
  for (const attack of attacks) {
    const seen = new Uint8Array(256)
    let timer
    try { await Promise.race([attack(at, seen), new Promise((done) => { timer = setTimeout(done, ${ATTACK_MS}) })]) } catch {}
    clearTimeout(timer)
    console.error('SEEN ' + [...seen].map((byte) => String.fromCharCode(byte)).join('').replace(/[^0-9a-z]/g, ''))
    ${pause}
  }
  globalThis.Deno ? Deno.exit(0) : process.exit(0)
})()`
}

export interface Fired {
  readonly name: string
  readonly evidence: readonly string[]
}

/** One attack after another in plain Node, with what the detectors found. */
export async function runControl(watch: Watch): Promise<Fired[]> {
  const attacks = ATTACKS.filter(({ control }) => control)
  const pause = 'await new Promise((done) => process.stdin.once("data", done))'
  const child = spawn(process.execPath, ['-e', script(attacks, watch, pause)], {
    env: { PEERCOMPUTE_CANARY: watch.targets.secret },
    stdio: ['pipe', 'pipe', 'pipe']
  })
  const output: Uint8Array[] = []
  child.stdout.on('data', (piece: Uint8Array) => {
    output.push(piece)
  })
  const fired: Fired[] = []
  let text = ''
  for await (const piece of child.stderr) {
    text += String(piece)
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      const line = text.slice(0, end)
      text = text.slice(end + 1)
      if (!line.startsWith('SEEN ')) continue
      const evidence = await watch.evidence(Buffer.from(line))
      if (output.splice(0).some((said) => said.includes(FORGED))) evidence.push('standard output')
      fired.push({ name: attacks[fired.length]?.name ?? '', evidence })
      child.stdin.write('x')
    }
  }
  return fired
}

/** `argsWith` makes a runtime's arguments for another script. Resolves with how many attacks it went through, and with all evidence. */
export async function runInRuntime(
  watch: Watch,
  commandWith: (script: string) => {
    readonly command: string
    readonly args: readonly string[]
    readonly env: Readonly<Record<string, string>>
  }
): Promise<{ readonly ran: number; readonly wanted: number; readonly evidence: readonly string[] }> {
  const attacks = ATTACKS.filter(({ bare }) => bare)
  const folder = await mkdtemp(join(tmpdir(), 'peercompute-bare-'))
  try {
    const file = join(folder, 'bare.js')
    await writeFile(file, script(attacks, watch, ''), { mode: 0o644 })
    const { command, args, env } = commandWith(file)
    const child = spawn(command, args, { env, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] })
    let text = ''
    child.stderr.on('data', (piece: Uint8Array) => {
      text += Buffer.from(piece).toString('latin1')
    })
    await once(child, 'close')
    return {
      ran: text.split('SEEN ').length - 1,
      wanted: attacks.length,
      evidence: await watch.evidence(Buffer.from(text))
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
