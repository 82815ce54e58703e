/** A room in two browsers: made, entered by its link, computed in, and left by the one that led. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchChromium, openPage, startServer, type TestServer } from '../harness/index.ts'
import { press, says } from './parts/page-hands.ts'
import { overflow } from './parts/page-checks.ts'

let server: TestServer
let browser: Browser
beforeAll(async () => {
  ;[server, browser] = await Promise.all([startServer(), launchChromium()])
})
afterAll(async () => {
  await browser.close()
  await server.stop()
})

it('is made, shared, computed in, and outlives the page that led it', async () => {
  const context = await browser.newContext()
  const { page: first } = await openPage(context, `${server.url}/#/rooms`)
  await first.getByLabel('Name, for the members').fill('Our lab')
  await press(first, 'Make a room')
  const linkField = first.getByRole('textbox', { name: 'Link to this room' })
  await linkField.waitFor()
  const link = await linkField.inputValue()
  expect(link, 'the address of the page is the link').toBe(first.url())
  await first.locator('#main').getByText('This computer hands out the work').waitFor({ timeout: 60_000 })

  const { page: second } = await openPage(await browser.newContext({ viewport: { width: 360, height: 780 } }), link)
  await says(first, /2\s+computers in the room/, 60_000)
  await says(second, /2\s+computers in the room/, 60_000)
  expect((await overflow(second)).pixels).toBeLessThanOrEqual(0)

  const { page: again } = await openPage(context, link)
  await says(again, 'This room is open in another tab.')
  await again.close()

  await press(first, 'Lend this computer')
  await press(second, 'Lend this computer')
  await press(second, 'Publish the sample')
  await first.getByText(/144 of 144 tiles verified/).waitFor({ timeout: 90_000 })
  await second.getByText(/144 of 144 tiles verified/).waitFor({ timeout: 60_000 })
  await second.getByText(/^14\s200$/).waitFor()

  await first.close()
  await second.locator('#main').getByText('This computer hands out the work').waitFor({ timeout: 60_000 })
  await says(second, /Only this computer is in the room/)

  const jobs = await server.jobIds()
  expect(jobs, 'the coordinator whose relay carried it knows nothing of it').toEqual([])
})

it('says what is wrong with a link that is none', async () => {
  const { page } = await openPage(await browser.newContext(), `${server.url}/#/room/short`)
  await says(page, 'This is no link to a room.')
})
