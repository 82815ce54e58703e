/** Driving the volunteer page as a person would: by its words. */
import type { BrowserContext, Page } from 'playwright-core'
import { openPage } from './browser.ts'
import { until } from './until.ts'

export interface VolunteerPage {
  readonly page: Page
  readonly complaints: readonly string[]
  /** Sum of "Tiles done" over the parts of this computer. */
  tilesDone(): Promise<number>
  tilesInHand(): Promise<number>
}

async function columnSum(page: Page, label: string): Promise<number> {
  const cells = await page.locator(`td[data-l="${label}"]`).allTextContents()
  return cells.reduce((sum, text) => sum + Number(text.replace(/\D/g, '')), 0)
}

/** Opens the page, presses Start, agrees, and waits until executors have been measured. */
export async function lendTab(context: BrowserContext, url: string): Promise<VolunteerPage> {
  const { page, complaints } = await openPage(context, `${url}/#/`)
  await page.getByRole('button', { name: 'Start computing' }).first().click()
  // A profile that has agreed before is not asked again.
  const agree = page.getByRole('dialog').getByRole('button', { name: 'Start computing' })
  const measured = page.locator('td[data-l="Tiles done"]').first()
  await agree.or(measured).first().waitFor()
  if (await agree.isVisible()) await agree.click()
  await until('the executors of the tab', async () => (await page.locator('td[data-l="Tiles done"]').count()) > 0).catch(
    (cause: unknown) => {
      throw new Error(`The tab did not start: ${complaints.join('\n')}`, { cause })
    }
  )
  return { page, complaints, tilesDone: () => columnSum(page, 'Tiles done'), tilesInHand: () => columnSum(page, 'Tiles in hand') }
}
