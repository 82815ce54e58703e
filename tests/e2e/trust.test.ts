/** Trust that can be seen: how a real job was decided, unit by unit, and what is known of the hosts, in real Chromium. */
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { jobTrustSchema } from '@peercompute/job-specs'
import { chromiumPath, openPage, startServer, startVolunteer, type TestServer } from '../harness/index.ts'
import { nameless, overflow } from './parts/page-checks.ts'
import { publishReadyMade, says } from './parts/page-hands.ts'

let server: TestServer
let browser: Browser

beforeAll(async () => {
  ;[server, browser] = await Promise.all([
    startServer(),
    chromium.launch({ executablePath: chromiumPath(), args: ['--no-sandbox', '--enable-unsafe-webgpu'] })
  ])
})
afterAll(async () => {
  await browser.close()
  await server.stop()
})

/** What does not fit, and what has no name. */
async function troubles(page: Page): Promise<readonly string[]> {
  return [...(await overflow(page)).widest, ...(await nameless(page)).nameless]
}

it('shows the results of each unit side by side, what they cost, and who computed them', async () => {
  const volunteers = await Promise.all(['first', 'second'].map((name) => startVolunteer(server.url, { name })))
  try {
    const { page, complaints } = await openPage(
      await browser.newContext({ viewport: { width: 360, height: 800 } }),
      `${server.url}/#/submit`
    )
    const id = await publishReadyMade(page, 'n-queens', { params: { n: 8 } })
    await says(page, /^Complete/)
    const agreement = page.getByRole('region', { name: 'Agreement' })
    // A straggler may have been helped with, so a unit can have a third result.
    await agreement.getByText(/^6\d identical$/).waitFor()
    await agreement.getByText(/^2\.\d\d executions for each settled unit so far\.$/).waitFor()

    await page.getByRole('application').focus()
    await page.keyboard.press('ArrowRight')
    const replicas = agreement.getByRole('table', { name: /^Unit 1: \d results, \d agree$/ })
    await replicas.waitFor()
    expect((await replicas.locator('tbody .st').allInnerTexts()).toSorted().slice(-2)).toEqual(['agrees', 'canonical'])
    expect(await troubles(page)).toEqual([])

    const trust = jobTrustSchema.parse(await server.get(`/api/v1/jobs/${id}/trust`))
    expect(trust).toMatchObject({ counted: 64, checkedTwice: 64, hosts: 2, votes: { canonical: 64, rejected: 0 } })

    await replicas.getByRole('link').first().click()
    await page
      .getByText(/compared results agreed with those of others/)
      .first()
      .waitFor()
    await page.getByRole('cell', { name: 'proven' }).first().waitFor()
    expect([...(await troubles(page)), ...complaints]).toEqual([])
    await page.context().close()
  } finally {
    await Promise.all(volunteers.map((volunteer) => volunteer.stop()))
  }
})
