/**
 * Attacks on the sandbox as data. An attack is the body of an async function; what it may name:
 *   http, ws      address of the canary, with a host name of this attack's own, so that a DNS query tells as much as a request
 *   host, udp     that name, and the port of a UDP canary that belongs to this attack alone
 *   address       the canary's address in digits
 *   app           the app's own origin
 *   name          the attack's name in this run
 * It fires when any canary hears of it. It holds when it returns true: it got something that no job may have.
 */
export interface Attack {
  readonly name: string
  readonly body: string
  /** It ends the document or worker that it runs in, so it has one of its own. */
  readonly alone: boolean
}

/** One attack a line: its name, blanks, its body. Empty lines and lines that begin with `#` (groups) are skipped; `!` before the name: alone. */
export function attacksOf(lines: string): readonly Attack[] {
  return lines
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, alone = '', name = '', body = ''] = /^(!?)([a-z0-9-]+)\s+(.+)$/.exec(line) ?? []
      if (name === '') throw new TypeError(`This is no attack: ${line}`)
      return { name, body, alone: alone === '!' }
    })
}

/** Where the canaries of one attack in one run are. */
export interface Target {
  readonly http: string
  readonly ws: string
  readonly host: string
  readonly udp: number
  readonly address: string
  readonly app: string
  readonly name: string
}

/** An expression: a promise of one `true` (holds) or `false` for each attack. `patienceMs` bounds each one that never settles. */
export function volley(attacks: readonly Attack[], targets: readonly Target[], patienceMs: number): string {
  const shots = attacks.map(({ body }, index) => {
    const names = Object.entries(targets[index] ?? {}).map(([key, value]) => `${key} = ${JSON.stringify(value)}`)
    return `async () => { const ${names.join(', ')};\n${body}\n}`
  })
  return `Promise.all([${shots.join(',\n')}].map((shot) => Promise.race([
    shot().then((held) => held === true, () => false),
    new Promise((resolve) => { setTimeout(resolve, ${patienceMs}, false) })])))`
}
