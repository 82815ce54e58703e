/** Driving a page as a person does: by its words. */
import { registry, type KernelName } from '@peercompute/kernels'
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
    const tell = Reflect.get(globalThis, 'peercomputeHeard') as (text: string) => void
    new MutationObserver(() => {
      tell(document.querySelector('h1')?.textContent ?? '')
    }).observe(document.body, { subtree: true, childList: true, characterData: true })
  })
  return heard
}

export async function publishFrom(page: Page): Promise<string> {
  await page.getByRole('button', { name: /^Publish [\d\s]+ units?$/ }).click()
  await page.waitForURL(/#\/jobs\/[0-9a-f]{64}$/)
  return page.url().slice(-64)
}

interface Choice {
  readonly params?: Readonly<Record<string, number>>
  readonly independence?: 'executor' | 'host'
}

/** Fills in the form of a ready-made job and publishes it. The page is then the page of the job. */
export async function publishReadyMade(page: Page, kernel: KernelName, { params = {}, independence = 'host' }: Choice): Promise<string> {
  await page.goto(new URL('/#/submit', page.url()).href)
  await page.getByRole('radio', { name: registry[kernel].title }).check()
  for (const [name, value] of Object.entries(params)) await page.locator(`#p-${name}`).fill(String(value))
  await page.getByLabel('From', { exact: true }).selectOption(independence)
  await page.getByText('Kernel compiles').waitFor()
  return publishFrom(page)
}

/** Presses Start and agrees. */
export async function agreeToLend(page: Page): Promise<void> {
  await press(page, 'Start computing')
  await page.getByRole('dialog').getByRole('button', { name: 'Start computing' }).click()
}

/** The same, until the first tile is finished. */
export async function startLending(page: Page): Promise<void> {
  await agreeToLend(page)
  await says(page, /^Your computer just finished tile/)
}
