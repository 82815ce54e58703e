/** Counts the bytes of bodies that go through `fetch`, as they pass. Headers are not seen by a page and not counted. */
export interface ByteCount {
  total: number
}

export function countingFetch(fetch: typeof globalThis.fetch, counted: ByteCount): typeof globalThis.fetch {
  return async (input, init) => {
    counted.total += sizeOf(init?.body ?? null)
    const response = await fetch(input, init)
    if (response.body === null) return response
    const body = response.body.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(chunk, controller) {
          counted.total += chunk.byteLength
          controller.enqueue(chunk)
        }
      })
    )
    const { status, statusText, headers } = response
    return new Response(body, { status, statusText, headers })
  }
}

function sizeOf(body: BodyInit | null): number {
  if (typeof body === 'string') return body.length
  if (body instanceof Blob) return body.size
  return body instanceof ArrayBuffer || ArrayBuffer.isView(body) ? body.byteLength : 0
}
