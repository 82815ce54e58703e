/**
 * Programs as few files: a coordinator that loads 950 modules one by one holds 20 MiB more of them, and its collector has half as much again to
 * look through (docs/adr/0019-one-bundle.md).
 */
import { rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { rolldown } from 'rolldown'
import { root } from './run.mjs'

/** What looks for files beside itself at run time, is native, or is a compiler. These stay where they were installed. */
const APART = [
  '@fastify/swagger',
  '@ipshipyard/node-datachannel',
  '@jitl/quickjs-wasmfile-release-sync',
  'assemblyscript',
  'deno',
  'node-datachannel',
  'pino',
  'rolldown',
  'vite',
  'webgpu'
]
const apart = new RegExp(`^(node:|(${APART.join('|')})(/|$))`)

/** Changes with every installation. */
const INSTALLED = 'node_modules/.package-lock.json'
/** Beside the bundle: which sources it was made of, as they were. */
export const SOURCES_FILE = 'sources.json'
/** Beside the bundle, too: what each of its files holds. */
const MODULES_FILE = 'modules.json'

/** Modules of this repository start threads and read files that lie beside their source, so they are told where that is. */
function whereSourcesLie(folder) {
  return {
    name: 'where-sources-lie',
    transform(code, id) {
      if (id.includes('node_modules') || !code.includes('import.meta.')) return null
      const place = (path) => JSON.stringify(relative(folder, path).split(sep).join('/'))
      return code
        .replaceAll('import.meta.url', `new URL(${place(id)}, import.meta.url).href`)
        .replaceAll('import.meta.dirname', `(import.meta.dirname + '/' + ${place(dirname(id))})`)
    }
  }
}

/** Node keeps the text of a module at two bytes for each character as soon as one of them is beyond ASCII. */
const oneByteEach = {
  name: 'one-byte-each',
  generateBundle(_options, files) {
    for (const file of Object.values(files)) {
      if (file.type !== 'chunk') continue
      if (/\b__(dir|file)name\b/.test(file.code)) throw new Error(`${file.fileName} asks where it lies: add that package to APART`)
      file.code = file.code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    }
  }
}

/**
 * Writes `name.js` for each entry, and what they share. Names and lines stay as they are in the sources, so that a stack can be read.
 *
 * @param {Record<string, string>} entries file by name
 * @param {string} folder replaced
 */
export async function bundle(entries, folder) {
  const built = await rolldown({ input: entries, platform: 'node', external: apart, plugins: [whereSourcesLie(folder), oneByteEach] })
  rmSync(folder, { recursive: true, force: true })
  const { output } = await built.write({
    dir: folder,
    format: 'esm',
    comments: false,
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: false } }
  })
  await built.close()
  const modules = Object.fromEntries(
    output.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file.moduleIds.map((id) => relative(root, id))]] : []))
  )
  const own = Object.values(modules)
    .flat()
    .filter((path) => !['..', 'node_modules', '\0'].some((foreign) => path.includes(foreign)))
  const sources = [...own, INSTALLED].map((path) => {
    const { mtimeMs, size } = statSync(join(root, path))
    return { path, mtimeMs, size }
  })
  writeFileSync(join(folder, SOURCES_FILE), JSON.stringify(sources))
  writeFileSync(join(folder, MODULES_FILE), JSON.stringify(modules))
}
