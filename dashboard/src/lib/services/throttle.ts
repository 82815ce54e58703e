/** Runs `task` at once, and then at most every `everyMs`, the last call never lost. */
export function throttled(everyMs: number, task: () => void): () => void {
  let waiting = false
  let again = false
  const run = () => {
    again = false
    waiting = true
    setTimeout(() => {
      waiting = false
      if (again) run()
    }, everyMs)
    task()
  }
  return () => {
    if (waiting) again = true
    else run()
  }
}
