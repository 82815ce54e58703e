/** 10 000 records: written, checked and folded. */
import { createFold } from '@peercompute/ledger'
import { launchChromium, openPage } from '@peercompute/tests'
import { medianRow, singleRow, type Part } from '../bench.ts'
import type { LedgerPage } from '../pages/ledger-page.ts'
import { servePage } from '../serve-page.ts'
import { framesOf, writeHistory } from './history.ts'
import { readFeeds, refusesChange, replay, type Replayed } from './replay.ts'

declare const ledgerPage: LedgerPage

const RECORDS = 10_000
const SAMPLES = 5

export const tenThousand: Part = {
  ids: ['ledger.10k', 'ledger.10k.page', 'ledger.10k.node', 'ledger.10k.bytes', 'ledger.append', 'ledger.fold'],
  limitSeconds: 240,
  async measure(run) {
    const history = await writeHistory(RECORDS)
    run.after(() => {
      history.ledger.close()
    })
    const frames = framesOf(history.ledger)
    run.report(`${history.records} records, ${(frames.length / 2 ** 20).toFixed(2)} MiB in ${history.ledger.heads().length} feeds`)
    const expected = stateOf(history.ledger, history.root)
    const check = ({ records, foldHash, stateHash }: Replayed, tampered: boolean): void => {
      if (records !== RECORDS || foldHash !== history.ledger.foldHash() || stateHash !== expected.hash)
        throw new Error('The replica does not say what the original says')
      if (!tampered) throw new Error('A changed record was taken')
    }

    const url = await servePage(run, new URL('../pages/ledger-page.ts', import.meta.url), () => frames)
    const browser = await launchChromium()
    run.after(() => browser.close())
    const inBrowser = { worker: [] as number[], page: [] as number[] }
    for (let i = 0; i < SAMPLES; i++) {
      for (const thread of ['worker', 'page'] as const) {
        const context = await browser.newContext()
        const { page } = await openPage(context, url)
        await page.waitForFunction(() => 'ledgerPage' in globalThis)
        const replayed = await page.evaluate(([root, where]) => ledgerPage.replay(root, where), [history.root, thread] as const)
        check(replayed, replayed.refusesChange)
        inBrowser[thread].push(replayed.seconds)
        run.report(`ledger.10k ${replayed.seconds.toFixed(2)} s in Chromium, verified in the ${thread}`)
        await context.close()
      }
    }
    const inNode: number[] = []
    const feeds = readFeeds(frames)
    for (let i = 0; i < SAMPLES; i++) {
      const replayed = await replay(feeds, history.root)
      check(replayed, await refusesChange(feeds))
      inNode.push(replayed.seconds)
    }
    run.report(`ledger.10k.node ${inNode.map((seconds) => seconds.toFixed(2)).join(' ')} s`)
    return {
      rows: [
        medianRow('ledger.10k', 's', inBrowser.worker, '<= 1.5'),
        medianRow('ledger.10k.page', 's', inBrowser.page, null),
        medianRow('ledger.10k.node', 's', inNode, null),
        singleRow('ledger.10k.bytes', 'MiB', frames.length / 2 ** 20, null),
        singleRow('ledger.append', '1/s', RECORDS / history.appendSeconds, null),
        singleRow('ledger.fold', '1/s', RECORDS / expected.seconds, null)
      ],
      conditions: [
        `Chromium ${browser.version()} headless`,
        `ledger: ${RECORDS} records of one coordinator, 1 % admissions, the rest settled ranges, in feeds of at most 2 MiB; structure, chain, both signatures and schema of each are checked, then it is applied and folded; a new profile for each sample, memory store; ledger.10k: verified in a worker, whose start counts; ledger.10k.page: in the page's own thread`
      ]
    }
  }
}

function stateOf(ledger: Parameters<typeof framesOf>[0], root: string): { hash: string; seconds: number } {
  const from = performance.now()
  const fold = createFold(root)
  for (const head of ledger.heads()) for (const entry of ledger.entries(head)) fold.apply(entry)
  fold.state()
  const seconds = (performance.now() - from) / 1_000
  return { hash: fold.stateHash(), seconds }
}
