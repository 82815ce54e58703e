/** WebRTC in a browser. `load-web-rtc.node.ts` stands in for this file in Node: see `imports` of package.json. */
import { webRTC } from '@libp2p/webrtc'
import { installRtcDialShim } from './rtc-dial-shim.ts'

/** The transport, or null in a browser without WebRTC. */
export async function loadWebRtc(): Promise<typeof webRTC | null> {
  if (!('RTCPeerConnection' in globalThis)) return null
  installRtcDialShim(globalThis.RTCPeerConnection.prototype)
  return webRTC
}
