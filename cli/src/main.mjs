#!/usr/bin/env -S node --max-semi-space-size=8 --initial-old-space-size=48 --v8-pool-size=1
// For a coordinator that serves on two cores (docs/measurements/coordinator.md). Semi-space, MiB: else V8 lets the memory of short-lived
// objects grow to 128 MiB, more than all else. Old space, MiB: when the first full collection is due. Pool: one thread of V8 beside the main
// one, so that a collection takes no core from it.
// Plain JavaScript: what is imported from here on comes out of the cache, and the compiler that strips types is not even loaded.
import * as modules from 'node:module'
import { builtProgram } from './built.mjs'
import { tooOld } from './too-old.mjs'

const sentence = tooOld(process.versions.node)
if (sentence !== null) {
  process.stderr.write(sentence)
  process.exit(9)
}
// Of Node's pool, which checks signatures: with four threads one is always asleep, and to wake it for a check costs as much as the check
// (docs/measurements/coordinator.md). With two, a name that is slow to resolve leaves one.
process.env.UV_THREADPOOL_SIZE ??= '2'
// Small buffers are cut from a pool that lives as long as any of them. At Node's 64 KiB the name of each peer held all of it (measured).
Buffer.poolSize = 8 * 1024
// Keeps the stripped and compiled form of every module between runs: half of the time to the first line.
modules.enableCompileCache()
const built = builtProgram(new URL('../dist/', import.meta.url), new URL('../../', import.meta.url))
const { main } = await import(built ?? './program.ts')
await main(process.argv)
// Everything is done and stopped. WebRTC's native threads keep some finished processes alive for ever (seen about once in four).
await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))))
process.exit()
