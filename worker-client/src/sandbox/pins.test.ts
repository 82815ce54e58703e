import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { classicScript } from './classic-script.ts'
import { FRAME_SANDBOX, sandboxDocument, appPageCsp } from './page.ts'
import { HIDDEN_GLOBALS, KEPT_GLOBALS } from './prelude.ts'

/**
 * What decides what untrusted code may do. The programs that run units are not here: behind the prelude they have no more power than
 * a job, and the attack suite runs them. The host script holds the budgets: messages that a program may send, their sizes, and what of them is passed on.
 */
const PINS = {
  policy: 'f87621836e311098',
  permissions: '1b64ded629f60902',
  otherHeaders: 'e6541ff81a34d4cd',
  appPolicy: '13dc3a1f8f75e083',
  iframe: 'allow-scripts',
  keptGlobals: 'da78400a8fdb4838',
  hiddenGlobals: '86e5bc5dc5b227b6',
  prelude: 'c369acabab6ea9b4',
  hostScript: '0a33230bf2afa6cb'
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

it('the sandbox is the one that was attacked', () => {
  const { headers } = sandboxDocument()
  const policy = (headers['Content-Security-Policy'] ?? '').replace(/'sha256-[^']+'/, "'sha256-HASH'")
  expect(
    {
      policy: hash(policy),
      permissions: hash(headers['Permissions-Policy'] ?? ''),
      otherHeaders: hash(JSON.stringify({ ...headers, 'Content-Security-Policy': '', 'Permissions-Policy': '' })),
      appPolicy: hash(appPageCsp('https://grid.example', ['wss://relay.example'])),
      iframe: FRAME_SANDBOX,
      keptGlobals: hash(KEPT_GLOBALS),
      hiddenGlobals: hash(HIDDEN_GLOBALS.join()),
      prelude: hash(classicScript(new URL('./prelude.ts', import.meta.url))),
      hostScript: hash(classicScript(new URL('./host-script.ts', import.meta.url)))
    },
    'The sandbox has changed. Run the attack suite, "npx vitest run --project fault tests/security/sandbox-escapes.test.ts", as root on Linux; ' +
      'when it passes, put the new hash into PINS of this test.'
  ).toEqual(PINS)
})
