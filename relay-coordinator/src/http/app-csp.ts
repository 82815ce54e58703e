/**
 * Content-Security-Policy of the pages. The sandbox frame is named with its exact address: with `'self'` it could navigate
 * itself to other pages of this origin.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../config/error-code.ts'

export const SANDBOX_PATH = '/sandbox.html'

/** `host` is the request's Host header, `publicUrl` the configured origin: a proxy may pass on either. */
export function appCsp(scriptHashes: readonly string[], host: string | undefined, publicUrl: string | undefined): string {
  const frames = [
    ...(host !== undefined && /^[A-Za-z0-9.-]+(:\d{1,5})?$/.test(host) ? [host + SANDBOX_PATH] : []),
    ...(publicUrl === undefined ? [] : [new URL(publicUrl).origin + SANDBOX_PATH])
  ]
  return [
    "default-src 'self'",
    `script-src ${["'self'", ...scriptHashes].join(' ')}`,
    // Svelte writes style attributes; they cannot load or run anything.
    "style-src 'self'",
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "connect-src 'self' ws: wss:",
    `frame-src ${frames.length === 0 ? "'none'" : frames.join(' ')}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'"
  ].join('; ')
}

/** Hashes of the scripts that stand in `index.html` itself, such as the one that sets the colour scheme before the first paint. */
export async function inlineScriptHashes(dashboardDir: string | undefined): Promise<readonly string[]> {
  if (dashboardDir === undefined) return []
  try {
    const html = await readFile(join(dashboardDir, 'index.html'), 'utf8')
    return [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
      ([, script = '']) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`
    )
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  }
}
