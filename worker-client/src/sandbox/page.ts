/** The sandbox document and the policies around it, as a server must send them. Node only. Source of each line: docs/THREAT_MODEL.md. */
import { createHash } from 'node:crypto'
import { classicScript } from './classic-script.ts'

export const SANDBOX_PATH = '/sandbox.html'

/** Attribute of the iframe. Never add `allow-same-origin`. */
export { FRAME_SANDBOX } from './sandbox-frame.ts'

const DENIED_FEATURES = [
  'camera',
  'microphone',
  'geolocation',
  'usb',
  'serial',
  'hid',
  'midi',
  'clipboard-read',
  'clipboard-write',
  'display-capture',
  'fullscreen',
  'gamepad',
  'payment',
  'storage-access',
  'compute-pressure',
  'idle-detection',
  'local-fonts',
  'screen-wake-lock',
  'window-management',
  'publickey-credentials-get',
  'accelerometer',
  'gyroscope',
  'magnetometer',
  'xr-spatial-tracking'
]

export interface SandboxDocument {
  readonly html: string
  readonly headers: Readonly<Record<string, string>>
}

/** A JSON string that cannot end an inline script. */
function scriptString(text: string): string {
  return JSON.stringify(text).replaceAll('<', '\\u003c')
}

/**
 * The document for `/sandbox.html` with all its headers. Read once at start; the same sources always give the same bytes.
 * The page may also be opened by itself: the `sandbox` directive keeps its origin opaque.
 */
export function sandboxDocument(): SandboxDocument {
  const cpu = classicScript(new URL('./cpu-program.ts', import.meta.url))
  const gpu = classicScript(new URL('./gpu-program.ts', import.meta.url))
  const host = classicScript(new URL('./host-script.ts', import.meta.url))
  const script = `const CPU_PROGRAM=${scriptString(cpu)};const GPU_PROGRAM=${scriptString(gpu)};\n${host}`
  const hash = createHash('sha256').update(script).digest('base64')
  return {
    html: `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sandbox</title></head><body><script>${script}</script></body></html>`,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': [
        "default-src 'none'",
        `script-src 'sha256-${hash}' 'wasm-unsafe-eval'`,
        'worker-src data:',
        "connect-src 'none'",
        "webrtc 'block'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-src 'none'",
        "object-src 'none'",
        "frame-ancestors 'self'",
        'sandbox allow-scripts'
      ].join('; '),
      'Connection-Allowlist': '(response-origin)',
      'Permissions-Policy': DENIED_FEATURES.map((feature) => `${feature}=()`).join(', '),
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff'
    }
  }
}

/** The `frame-src` source of a page that embeds the sandbox. The path is named: with the bare origin the frame could visit the app's other pages. */
export function appFrameSrc(origin: string): string {
  return new URL(SANDBOX_PATH, origin).href
}

/** Content-Security-Policy of the app's own pages. `connectSrc`: where the app talks to beyond its origin (relays, coordinators). */
export function appPageCsp(origin: string, connectSrc: readonly string[] = []): string {
  return [
    "default-src 'self'",
    `frame-src ${appFrameSrc(origin)}`,
    `connect-src ${["'self'", ...connectSrc].join(' ')}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'"
  ].join('; ')
}
