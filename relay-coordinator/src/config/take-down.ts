/** Undoes what a start has done so far, in the opposite order. */

/** Every step runs, whatever the others do; the first failure is told. */
export async function takeDown(steps: (() => unknown)[]): Promise<void> {
  const failures: unknown[] = []
  for (const step of steps.reverse()) {
    try {
      await step()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}
