import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/**
 * The program as `npm start` and `npm run build` bundled it; null when it was not, or when a source or an installed package has changed
 * since: then the sources run themselves.
 *
 * @param {URL} folder of the bundle
 * @param {URL} root of the repository
 */
export function builtProgram(folder, root) {
  const place = fileURLToPath(folder)
  try {
    const sources = JSON.parse(readFileSync(join(place, 'sources.json'), 'utf8'))
    const unchanged = sources.every(({ path, mtimeMs, size }) => {
      const now = statSync(join(fileURLToPath(root), path))
      return now.mtimeMs === mtimeMs && now.size === size
    })
    return unchanged ? pathToFileURL(join(place, 'program.js')).href : null
  } catch {
    return null
  }
}
