/**
 * Links our own TypeScript modules into one classic script, for the places that can load no module: the sandbox's inline host
 * script and its `data:` workers. The same sources are imported as modules by Node's threads and by the tests.
 * Node only; types are erased by Node itself, line by line, so the result depends on the sources alone.
 */
import { readFileSync } from 'node:fs'
import { createRequire, stripTypeScriptTypes } from 'node:module'
import { pathToFileURL } from 'node:url'
import { PackageScripts } from './package-script.ts'

const IMPORT = /^import\b([^\n]*?) from '([^']+)'[ \t]*$/gm
const TOP_LEVEL = /^(?:export )?(?:async )?(?:function\*?|const|let|class) ([\w$]+)/gm
const NAMES = /^ \{([\w$,\s]+)\}$/
/** Packages that may run inside the sandbox. */
const PACKAGES = new Set(['@bjorn3/browser_wasi_shim'])

/**
 * A strict script with all modules that `entry` needs in one scope, in the order of their imports. Besides its own files it may
 * import entries of our packages and, by `import { names }`, those of PACKAGES, whose modules keep scopes of their own.
 */
export function classicScript(entry: URL): string {
  const linked = new Set<string>()
  const parts: string[] = []
  /** File of each top-level name: a second function of one name would silently replace the first. */
  const names = new Map<string, URL>()
  const packages = new PackageScripts()
  /** What is imported of each package. */
  const taken = new Map<string, Set<string>>()
  function link(file: URL): void {
    if (linked.has(file.href)) return
    linked.add(file.href)
    const script = withoutTypes(readFileSync(file, 'utf8'))
    const own = script.replace(IMPORT, (line, what: string, from: string) => {
      if (from.startsWith('.')) link(new URL(from, file))
      else if (from.startsWith('@peercompute/')) link(pathToFileURL(createRequire(file).resolve(from)))
      else if (PACKAGES.has(from)) take(namesOf(what, line), packages.link(pathToFileURL(createRequire(file).resolve(from))))
      else throw new TypeError(`Cannot link ${file.href}: it imports "${from}"`)
      return ''
    })
    for (const [, name = ''] of own.matchAll(TOP_LEVEL)) {
      const other = names.get(name)
      if (other !== undefined) throw new TypeError(`Cannot link ${file.href}: "${name}" is also in ${other.href}`)
      names.set(name, file)
    }
    parts.push(own.replace(/^export /gm, ''))
  }
  function take(wanted: readonly string[], scope: string): void {
    taken.set(scope, new Set([...(taken.get(scope) ?? []), ...wanted]))
  }
  link(entry)
  const foreign = [...packages.scripts, ...[...taken].map(([scope, imported]) => `const {${[...imported].join()}}=${scope};`)]
  return `"use strict";(()=>{\n${[...foreign, ...parts.map(compact)].join('\n')}\n})();`
}

/** What an import of a package names. */
function namesOf(what: string, line: string): readonly string[] {
  const names = NAMES.exec(what)?.[1]
  if (names === undefined) throw new TypeError(`Cannot link "${line}": write import { names }`)
  return names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
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
