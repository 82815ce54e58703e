/** Processor time of Chromium's renderer processes: whether something still computes is seen there and nowhere else. */
import type { Browser } from 'playwright-core'
import { lasting } from './lasting.ts'

/** Seconds since its start, by process id. */
async function rendererTimes(browser: Browser): Promise<ReadonlyMap<number, number>> {
  const session = await browser.newBrowserCDPSession()
  try {
    const { processInfo } = await session.send('SystemInfo.getProcessInfo')
    return new Map(processInfo.filter(({ type }) => type === 'renderer').map(({ id, cpuTime }) => [id, cpuTime]))
  } finally {
    await session.detach()
  }
}

/** Seconds that all renderers that live on use in the next `ms`. */
export async function rendererSeconds(browser: Browser, ms: number): Promise<number> {
  const before = await rendererTimes(browser)
  await lasting(ms)
  const after = await rendererTimes(browser)
  return [...after].reduce((sum, [id, seconds]) => sum + seconds - (before.get(id) ?? seconds), 0)
}
