/** Most times, in milliseconds, that lie within one second. */
export function peakInOneSecond(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b)
  let most = 0
  let start = 0
  for (const [end, time] of sorted.entries()) {
    while (time - (sorted[start] ?? time) >= 1_000) start++
    most = Math.max(most, end - start + 1)
  }
  return most
}
