/** Thread that verifies records, as the volunteer's page has one. */
import { serveVerifier } from '@peercompute/ledger'

serveVerifier({
  postMessage: (message, transfer) => {
    postMessage(message, { transfer })
  },
  addEventListener: (type, listener) => {
    addEventListener(type, listener)
  }
})
