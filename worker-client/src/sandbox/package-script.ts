/**
 * Wraps the ES modules of an npm package into script text, for `classicScript`. It understands the forms of import and export that
 * compilers write (each at the beginning of a statement, no `export default`, no cycles), and refuses what it does not understand.
 */
import { readFileSync } from 'node:fs'

const START = String.raw`(?<=^|[;}\n])[ \t]*`
const FROM = String.raw`\s*from\s*["']([^"']+)["'];?`
const IMPORT = new RegExp(String.raw`${START}import\s*(?:([\w$]+)\s*,?\s*)?(?:\*\s*as\s+([\w$]+)|\{([^}]*)\})?${FROM}`, 'g')
const EXPORT_STAR = new RegExp(String.raw`${START}export\s*\*\s*as\s+([\w$]+)${FROM}`, 'g')
const EXPORT_FROM = new RegExp(String.raw`${START}export\s*\{([^}]*)\}${FROM}`, 'g')
const EXPORT_LIST = new RegExp(String.raw`${START}export\s*\{([^}]*)\};?`, 'g')
const EXPORT_DECLARED = new RegExp(String.raw`${START}export\s+(?=(?:class|const|let|function)\s+([\w$]+))`, 'g')
const LEFT = new RegExp(String.raw`${START}(?:import|export)\b[^\n]{0,60}`)

/** `a as b, c` → pairs of the name before and after `as`. */
function pairs(list: string): [from: string, to: string][] {
  return list
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [from = '', to = from] = entry.split(/\s+as\s+/)
      return [from, to]
    })
}

/**
 * Collects packages. `link` adds the modules that an entry needs, once, and returns the name of the constant with its exports;
 * `scripts` are the texts, each after what it needs.
 */
export class PackageScripts {
  readonly scripts: string[] = []
  /** Null while the module is being read. */
  readonly #names = new Map<string, string | null>()

  link(module: URL): string {
    const known = this.#names.get(module.href)
    if (known === null) throw new TypeError(`Cannot link ${module.href}: it imports itself`)
    if (known !== undefined) return known
    this.#names.set(module.href, null)
    const script = this.#wrapped(module)
    const name = `peercomputePackage${this.scripts.length}`
    this.scripts.push(`const ${name}=(()=>{\n${script}\n})();`)
    this.#names.set(module.href, name)
    return name
  }

  #wrapped(module: URL): string {
    const exported: string[] = []
    const link = (from: string) => this.link(new URL(from, module))
    const script = readFileSync(module, 'utf8')
      .replace(IMPORT, (_, value: string | undefined, all: string | undefined, names = '', from: string) => {
        const name = link(from)
        const taken = [...(value === undefined ? [] : [['default', value] as const]), ...pairs(String(names))]
        return `${all === undefined ? '' : `const ${all}=${name};`}const {${taken.map(([own, local]) => `${own}:${local}`).join()}}=${name};`
      })
      .replace(EXPORT_STAR, (_, name: string, from: string) => {
        exported.push(`${name}:${link(from)}`)
        return ''
      })
      .replace(EXPORT_FROM, (_, names: string, from: string) => {
        const name = link(from)
        exported.push(...pairs(names).map(([own, outside]) => `${outside}:${name}.${own}`))
        return ''
      })
      .replace(EXPORT_LIST, (_, names: string) => {
        exported.push(...pairs(names).map(([own, outside]) => `${outside}:${own}`))
        return ''
      })
      .replace(EXPORT_DECLARED, (_, name: string) => {
        exported.push(name)
        return ''
      })
    const left = LEFT.exec(script)
    if (left !== null) throw new TypeError(`Cannot link ${module.href}: ${left[0].trim()}`)
    return `"use strict";${script}\n;return {${exported.join()}};`
  }
}
