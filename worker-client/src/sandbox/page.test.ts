import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { sandboxDocumentApart } from './document-apart.ts'
import { appFrameSrc, appPageCsp, sandboxDocument } from './page.ts'
import { FRAME_SANDBOX } from './sandbox-frame.ts'

describe('the sandbox document', () => {
  const { html, headers } = sandboxDocument()
  const script = /<script>([\s\S]*)<\/script><\/body>/.exec(html)?.[1] ?? ''

  it('has these policies', () => {
    expect({ ...headers, 'Content-Security-Policy': headers['Content-Security-Policy']?.replace(/'sha256-[^']+'/, "'sha256-HASH'") })
      .toMatchInlineSnapshot(`
      {
        "Connection-Allowlist": "(response-origin)",
        "Content-Security-Policy": "default-src 'none'; script-src 'sha256-HASH' 'wasm-unsafe-eval'; worker-src data:; connect-src 'none'; webrtc 'block'; base-uri 'none'; form-action 'none'; frame-src 'none'; object-src 'none'; frame-ancestors 'self'; sandbox allow-scripts",
        "Content-Type": "text/html; charset=utf-8",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=(), serial=(), hid=(), midi=(), clipboard-read=(), clipboard-write=(), display-capture=(), fullscreen=(), gamepad=(), payment=(), storage-access=(), compute-pressure=(), idle-detection=(), local-fonts=(), screen-wake-lock=(), window-management=(), publickey-credentials-get=(), accelerometer=(), gyroscope=(), magnetometer=(), xr-spatial-tracking=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
      }
    `)
    expect(FRAME_SANDBOX).toBe('allow-scripts')
  })

  it('names its own script by hash', () => {
    const hash = createHash('sha256').update(script).digest('base64')
    expect(headers['Content-Security-Policy']).toContain(`'sha256-${hash}'`)
  })

  it('gives the same bytes each time', () => {
    expect(sandboxDocument()).toEqual({ html, headers })
  })

  it('is the same when another process makes it', async () => {
    expect(await sandboxDocumentApart()).toEqual({ html, headers })
  })

  it('has one script, which nothing inside can end early', () => {
    expect(html.match(/<script/gi)).toHaveLength(1)
    expect(script).not.toMatch(/<\/script|<!--/i)
  })

  it("names its path in the app page's policy, so that the frame cannot visit other pages", () => {
    expect(appFrameSrc('https://grid.example/')).toBe('https://grid.example/sandbox.html')
    expect(appPageCsp('https://grid.example', ['wss://relay.example'])).toBe(
      "default-src 'self'; frame-src https://grid.example/sandbox.html; connect-src 'self' wss://relay.example; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
  })
})
