#!/usr/bin/env -S node --max-semi-space-size=8
// That option (MiB) keeps V8 from growing the memory of short-lived objects to 128 MiB, which is more than all else of a coordinator.
// Plain JavaScript: what is imported from here on comes out of the cache, and the compiler that strips types is not even loaded.
import * as modules from 'node:module'
import { tooOld } from './too-old.mjs'

const sentence = tooOld(process.versions.node)
if (sentence !== null) {
  process.stderr.write(sentence)
  process.exit(9)
}
// Keeps the stripped and compiled form of every module between runs: half of the time to the first line.
modules.enableCompileCache()
const { main } = await import('./program.ts')
await main(process.argv)
// Everything is done and stopped. WebRTC's native threads keep some finished processes alive for ever (seen about once in four).
await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))))
process.exit()
