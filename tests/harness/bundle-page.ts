/** Bundles a page of a package's `testing` entries, which gives a test the real browser parts by name. */
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { build } from 'vite'

/** The script of the page, as it is loaded in every document that stands for an app. */
export const PAGE_SCRIPT = '/page.js'

/** What the page loads, by path: PAGE_SCRIPT, and what that asks for. */
export async function bundlePage(entry: string): Promise<ReadonlyMap<string, string>> {
  const input = createRequire(import.meta.url).resolve(entry)
  const result = await build({
    configFile: false,
    logLevel: 'error',
    root: dirname(input),
    build: { write: false, target: 'es2024', rolldownOptions: { input, output: { entryFileNames: PAGE_SCRIPT.slice(1) } } }
  })
  const output = 'output' in result ? result.output : Array.isArray(result) ? result.flatMap((part) => part.output) : []
  return new Map(output.map((part) => [`/${part.fileName}`, part.type === 'chunk' ? part.code : String(part.source)]))
}
