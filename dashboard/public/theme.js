// Before the first paint, so that a stored theme does not flash. A file, because the page's policy allows no inline script.
try {
  const theme = localStorage.getItem('peercompute.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Storage is blocked: the system's theme holds.
}
