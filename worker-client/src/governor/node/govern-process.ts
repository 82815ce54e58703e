/** Governs a headless volunteer by what the system tells. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@peercompute/p2p/time'
import type { NodeKernel } from '../../node-kernel.ts'
import { startGovernor, type Governor } from '../governor.ts'
import type { Preferences } from '../preferences.ts'
import type { SignalSource } from '../signals.ts'
import { systemSignals } from './system-signals.ts'

/** Governs at once and until the kernel has stopped, or `stop` is called. The budget of the day is kept in `folder`. */
export function governProcess(
  kernel: NodeKernel,
  folder: string,
  preferences: Preferences,
  source: SignalSource = systemSignals()
): Governor {
  const file = join(folder, 'usage.json')
  const governor = startGovernor({
    kernel,
    source,
    preferences: () => preferences,
    usage: {
      read: () => readFileSync(file, 'utf8'),
      write: (usage) => {
        writeFileSync(file, usage, { mode: 0o600 })
      }
    },
    clock: systemClock
  })
  const unfollow = kernel.onChange(({ state }) => {
    if (state === 'stopped') stop()
  })
  const stop = () => {
    unfollow()
    governor.stop()
  }
  return { ...governor, stop }
}
