/** Counts what goes through the streams of a node, over any transport: libp2p tells its metrics of each one. Encryption and framing come on top. */
import { StreamMessageEvent, type Metrics, type Stream } from '@libp2p/interface'

export interface ByteCount {
  total: number
}

const nothing = () => undefined
const timer = () => nothing
const silent = { update: nothing, increment: nothing, decrement: nothing, reset: nothing, observe: nothing, timer }

/** For `metrics` of a node. Everything else that a node could tell is dropped. */
export function countBytes(counted: ByteCount): Metrics {
  return {
    trackMultiaddrConnection: nothing,
    trackProtocolStream(stream: Stream) {
      // A listener of ours would start the stream before its protocol listens, and what comes first would be lost.
      const dispatch = stream.dispatchEvent.bind(stream)
      stream.dispatchEvent = (event: Event) => {
        if (event instanceof StreamMessageEvent) counted.total += event.data.byteLength
        return dispatch(event)
      }
      const send = stream.send.bind(stream)
      stream.send = (data) => {
        counted.total += data.byteLength
        return send(data)
      }
    },
    registerMetric: () => silent,
    registerMetricGroup: () => silent,
    registerCounter: () => silent,
    registerCounterGroup: () => silent,
    registerHistogram: () => silent,
    registerHistogramGroup: () => silent,
    registerSummary: () => silent,
    registerSummaryGroup: () => silent,
    traceFunction: <F>(_name: string, traced: F): F => traced,
    createTrace: () => undefined
  }
}
