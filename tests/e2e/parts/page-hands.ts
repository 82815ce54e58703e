/** Driving a page as a person does: by its words. */
import type { Page } from 'playwright-core'

const sentence = (page: Page): Promise<string> => page.locator('h1').first().innerText()
export async function says(page: Page, words: RegExp | string, timeout = 30_000): Promise<void> {
  await page
    .getByRole('heading', { level: 1, name: words })
    .waitFor({ timeout })
    .catch(async (cause: unknown) => {
      throw new Error(`Waited for ${String(words)}; the page says "${await sentence(page)}" at ${page.url()}`, { cause })
    })
}
export const press = (page: Page, name: RegExp | string): Promise<void> => page.getByRole('button', { name }).first().click()

/** Every state sentence from now on, in order; ends silently when the page is loaded anew. */
export async function overhear(page: Page): Promise<readonly string[]> {
  const heard: string[] = []
  await page.exposeFunction('peercomputeHeard', (text: string) => {
    if (heard.at(-1) !== text) heard.push(text)
  })
  await page.evaluate(() => {
    const tell: unknown = Reflect.get(globalThis, 'peercomputeHeard')
    new MutationObserver(() => {
      if (typeof tell === 'function') tell(document.querySelector('h1')?.textContent ?? '')
    }).observe(document.body, { subtree: true, childList: true, characterData: true })
  })
  return heard
}

export async function publishFrom(page: Page): Promise<string> {
  await page.getByRole('button', { name: /^Publish [\d\s]+ units?$/ }).click()
  await page.waitForURL(/#\/jobs\/[0-9a-f]{64}$/)
  return page.url().slice(-64)
}
