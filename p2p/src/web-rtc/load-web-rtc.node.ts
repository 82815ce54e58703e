/** WebRTC in Node: a native library, which some platforms lack. Its peer connection has the same race as Chromium's. */
import { installRtcDialShim } from './rtc-dial-shim.ts'

/** The transport, or null where the native library cannot be loaded. */
export async function loadWebRtc(): Promise<typeof import('@libp2p/webrtc').webRTC | null> {
  try {
    const { RTCPeerConnection } = await import('node-datachannel/polyfill')
    installRtcDialShim(RTCPeerConnection.prototype)
    return (await import('@libp2p/webrtc')).webRTC
  } catch {
    return null
  }
}
