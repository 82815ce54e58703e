/** Timers for a page that may be hidden: browsers slow a hidden page's own timers to one a minute, a worker's they do not. */
const timers = new Map<number, ReturnType<typeof setTimeout>>()

addEventListener('message', ({ data }: MessageEvent<{ readonly id: number; readonly ms: number | null }>) => {
  const { id, ms } = data
  clearTimeout(timers.get(id))
  timers.delete(id)
  if (ms === null) return
  timers.set(
    id,
    setTimeout(() => {
      timers.delete(id)
      postMessage(id)
    }, ms)
  )
})
