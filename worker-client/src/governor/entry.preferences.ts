/** What a page needs to show and keep the preferences, without the volunteer library behind them. */
export * from './preferences.ts'
export {
  ALWAYS,
  DAYS,
  HALF_HOURS_A_DAY,
  lendsAt,
  minuteOfWeek,
  NEVER,
  readSchedule,
  scheduleSchema,
  withSpan,
  writeSchedule,
  type Schedule
} from './schedule.ts'
