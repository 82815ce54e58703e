/** System, light or dark; stored, and applied before the first paint by /theme.js. */
export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

const KEY = 'peercompute.theme'

function stored(): Theme {
  const value = localStorage.getItem(KEY)
  return value === 'light' || value === 'dark' ? value : 'system'
}

class ThemeChoice {
  choice = $state<Theme>(stored())
  /** Counts changes of the colours in force: canvases draw again when it moves. */
  epoch = $state(0)

  set(theme: Theme): void {
    this.choice = theme
    if (theme === 'system') {
      localStorage.removeItem(KEY)
      delete document.documentElement.dataset['theme']
    } else {
      localStorage.setItem(KEY, theme)
      document.documentElement.dataset['theme'] = theme
    }
    this.epoch += 1
  }

  next(): void {
    this.set(themes[(themes.indexOf(this.choice) + 1) % themes.length] ?? 'system')
  }

  /** Follows the system. Returns the function that ends it. */
  follow(): () => void {
    const dark = matchMedia('(prefers-color-scheme: dark)')
    const changed = () => {
      this.epoch += 1
    }
    dark.addEventListener('change', changed)
    return () => {
      dark.removeEventListener('change', changed)
    }
  }
}

export const theme = new ThemeChoice()
