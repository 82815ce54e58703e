import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BenchmarkStore } from './benchmark-store.ts'

/** `benchmark.json` in the volunteer's folder. */
export function folderBenchmarkStore(folder: string): BenchmarkStore {
  const file = join(folder, 'benchmark.json')
  return {
    read: () => readFile(file, 'utf8').catch(() => null),
    async write(text) {
      await writeFile(`${file}.new`, text, { mode: 0o600 })
        .then(() => rename(`${file}.new`, file))
        .catch(() => undefined)
    }
  }
}
