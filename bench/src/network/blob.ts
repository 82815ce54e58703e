/** 32 MiB from one page to another over WebRTC. */
import { BLOB_CHUNK_BYTES } from '@peercompute/job-specs'
import { blobTransfer, describeTransfer, directlyConnected, launchChromium, openBlobPeers, type BlobTransfer } from '@peercompute/tests'
import { medianRow, singleRow, type Part } from '../bench.ts'
import { startRelay } from './relay.ts'

const BYTES = 32 * 2 ** 20
const SAMPLES = 5

export const blob: Part = {
  ids: ['blob.median', 'blob.min', 'blob.heap'],
  limitSeconds: 60 + (SAMPLES + 1) * 60,
  async measure(run) {
    const relay = await startRelay(run)
    const browser = await launchChromium()
    const { peers, close } = await openBlobPeers(browser, relay.addresses, 2)
    run.after(close)
    run.after(() => browser.close())
    const [from, to] = peers
    if (from === undefined || to === undefined) throw new Error('no pages')
    await directlyConnected(from, to)
    const megabytes: number[] = []
    for (let i = 1; i <= SAMPLES; i++) {
      const transfer = await blobTransfer(from, to, BYTES, { seed: i })
      check(transfer)
      megabytes.push(transfer.megabytesPerSecond)
      run.report(`blob ${i}: ${describeTransfer(transfer)}`)
    }
    // watching memory costs time, so that transfer has no part in the speed
    const watched = await blobTransfer(from, to, BYTES, { seed: SAMPLES + 1, heap: true })
    check(watched)
    run.report(`blob watched: ${describeTransfer(watched)}`)
    if (watched.heapGrowth === null) throw new Error('The memory was not watched')
    const growth = Math.max(watched.heapGrowth.from, watched.heapGrowth.to) / 2 ** 20
    return {
      rows: [
        medianRow('blob.median', 'MB/s', megabytes, '>= 10'),
        { ...medianRow('blob.min', 'MB/s', megabytes, '>= 5'), value: Math.round(Math.min(...megabytes) * 1_000) / 1_000 },
        singleRow('blob.heap', 'MiB', growth, '<= 16')
      ],
      conditions: [
        `Chromium ${browser.version()} headless`,
        `blob: ${BYTES / 2 ** 20} MiB of random bytes in chunks of ${BLOB_CHUNK_BYTES / 1_024} KiB, in memory or on disk as the volunteer's store has them, hash read anew; heap: growth of what is in use, the larger side`
      ]
    }
  }
}

function check({ hashHolds, paths }: BlobTransfer): void {
  if (!hashHolds) throw new Error('Other bytes came than were sent')
  if (paths.length === 0 || !paths.every((path) => path.includes('/webrtc'))) throw new Error(`The bytes came over ${paths.join(', ')}`)
}
