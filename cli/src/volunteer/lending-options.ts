/** What the owner of a machine may say on the command line. `preferencesFrom` reads it. */
import { Option, type Command } from 'commander'

export const onBatteryWords = ['rest', 'gpu-off', 'go'] as const
export type OnBattery = (typeof onBatteryWords)[number]

/** As commander hands them over. */
export interface LendingOptions {
  readonly gpuShare?: number
  readonly cores?: number
  /** As it was written: read when it is needed, because every command starts through here. */
  readonly schedule?: string
  readonly onBattery?: OnBattery
  readonly onlyWhenIdle?: number
  readonly dailyHours?: number
  readonly dailyMegabytes?: number
}

type NumberFrom = (from: number, to: number, whole?: boolean) => (text: string) => number

export function addLendingOptions(command: Command, numberFrom: NumberFrom): Command {
  return command
    .option('--gpu-share <percent>', 'part of the time that the graphics card may compute (default 100)', numberFrom(1, 100, false))
    .option('--schedule <hours>', 'when it computes, by the clock of this machine, e.g. "mon-fri 19:00-7:00, sat-sun" (default always)')
    .addOption(
      new Option('--on-battery <what>', 'on battery: rest, rest the graphics card, or go on (default rest)').choices(onBatteryWords)
    )
    .option('--only-when-idle <minutes>', 'only when nobody has typed at a terminal of this machine for so long', numberFrom(1, 240))
    .option('--daily-hours <hours>', 'hours of computing a day (default all)', numberFrom(0.1, 24, false))
    .option('--daily-megabytes <number>', 'megabytes sent and received a day (default no limit)', numberFrom(1, 1_000_000, false))
}
