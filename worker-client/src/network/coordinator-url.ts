/** Address below `/api/v1`. The coordinator may live under a path, e.g. `https://example.org/compute`. */
export function coordinatorUrl(coordinator: string, path: string): string {
  return `${coordinator.replace(/\/+$/, '')}/api/v1/${path}`
}
