/** Every file under a folder with what it holds, to see that nothing was written where nothing belongs. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

export function treeSnapshot(root: string, without: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile() || path.startsWith(without)) continue
    found.set(relative(root, path), createHash('sha256').update(readFileSync(path)).digest('hex'))
  }
  return found
}
