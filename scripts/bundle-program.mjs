/** The program `peercompute` as one bundle. */
import { join } from 'node:path'
import { bundle } from './lib/bundle.mjs'
import { root } from './lib/run.mjs'

await bundle({ program: join(root, 'cli', 'src', 'program.ts') }, join(root, 'cli', 'dist'))
