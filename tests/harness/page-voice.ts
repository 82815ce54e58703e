/**
 * Asks a page by the DevTools protocol itself. Playwright takes the end of an iframe's process for the end of its page and then
 * evaluates nothing there any more; the page lives on.
 */
import type { Page } from 'playwright-core'

export interface PageVoice {
  /** The value of an expression, a promise's included, as JSON. Rejects with what it throws. */
  readonly ask: <T>(expression: string) => Promise<T>
}

export async function pageVoice(page: Page): Promise<PageVoice> {
  const session = await page.context().newCDPSession(page)
  return {
    async ask<T>(expression: string) {
      const { result, exceptionDetails } = await session.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })
      if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
      return result.value as T
    }
  }
}
