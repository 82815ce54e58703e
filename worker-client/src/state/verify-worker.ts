/** Thread that verifies long catch-ups of the ledger: without it the page stands still meanwhile. */
import { serveVerifier } from '@peercompute/ledger'

serveVerifier({
  postMessage: (message, transfer) => {
    postMessage(message, { transfer })
  },
  addEventListener: (type, listener) => {
    addEventListener(type, listener)
  }
})
