/**
 * Links our own TypeScript modules into one classic script, for the places that can load no module: the sandbox's inline host
 * script and its `data:` workers. The same sources are imported as modules by Node's threads and by the tests.
 * Node only; types are erased by Node itself, line by line, so the result depends on the sources alone.
 */
import { readFileSync } from 'node:fs'
import { createRequire, stripTypeScriptTypes } from 'node:module'
import { pathToFileURL } from 'node:url'

const IMPORT = /^import\b[^\n]*? from '([^']+)'[ \t]*$/gm

/** A strict script with all modules that `entry` needs in one scope, in the order of their imports. Besides its own files it may import entries of our packages. */
export function classicScript(entry: URL): string {
  const linked = new Set<string>()
  const parts: string[] = []
  function link(file: URL): void {
    if (linked.has(file.href)) return
    linked.add(file.href)
    const script = withoutTypes(readFileSync(file, 'utf8'))
    const own = script.replace(IMPORT, (_, from: string) => {
      if (from.startsWith('.')) link(new URL(from, file))
      else if (from.startsWith('@peercompute/')) link(pathToFileURL(createRequire(file).resolve(from)))
      else throw new TypeError(`Cannot link ${file.href}: it imports "${from}"`)
      return ''
    })
    parts.push(own.replace(/^export /gm, ''))
  }
  link(entry)
  return `"use strict";(()=>{\n${parts.map(compact).join('\n')}\n})();`
}

/** Node announces that erasing types is experimental; that is noise for whoever starts a server. */
function withoutTypes(source: string): string {
  const emitWarning: unknown = Reflect.get(process, 'emitWarning')
  process.emitWarning = () => undefined
  try {
    return stripTypeScriptTypes(source)
  } finally {
    Reflect.set(process, 'emitWarning', emitWarning)
  }
}

/** Drops blank lines, comment lines and trailing blanks: the script travels with each frame and worker. */
function compact(script: string): string {
  return script
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => !/^\s*($|\/\/|\/\*\*|\*( |\/|$))/.test(line))
    .join('\n')
}
