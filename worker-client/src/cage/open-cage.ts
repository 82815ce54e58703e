/** Finds the cage of this machine and proves that it starts. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bubblewrapCage } from './bubblewrap-cage.ts'
import type { CageKind } from './cage.ts'
import { CagePool } from './cage-pool.ts'
import { denoCage } from './deno-cage.ts'
import { proveCage } from './prove-cage.ts'

/** No cage here. `why` is a sentence with the remedy. */
export interface NoCage {
  readonly kind: null
  readonly why: string
}

const MAKE = { deno: denoCage, bubblewrap: bubblewrapCage } as const
const REMEDY = {
  deno: 'install the packages again (npm ci)',
  bubblewrap: 'install bubblewrap (Debian: sudo apt-get install bubblewrap)'
} as const

async function tried(kind: CageKind): Promise<CagePool | string> {
  const folder = await mkdtemp(join(tmpdir(), 'peercompute-cage-'))
  try {
    const pool = new CagePool(await MAKE[kind](folder))
    const problem = await proveCage(pool)
    if (problem === null) return pool
    await pool.close()
    return `${kind} does not start here (${problem})`
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    return `${kind} is not there (${error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error)})`
  }
}

/** Deno where it starts, else bubblewrap; or only `wanted`. Close it in the end. */
export async function openCage(wanted?: CageKind): Promise<CagePool | NoCage> {
  const kinds: readonly CageKind[] = wanted === undefined ? ['deno', 'bubblewrap'] : [wanted]
  const problems: string[] = []
  for (const kind of kinds) {
    const found = await tried(kind)
    if (typeof found !== 'string') return found
    problems.push(found)
  }
  const remedies = kinds.map((kind) => REMEDY[kind]).join(', or ')
  return { kind: null, why: `Nothing here can cage strangers' programs: ${problems.join('; ')}. Remedy: ${remedies}.` }
}
