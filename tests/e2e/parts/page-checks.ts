/** What every page must hold, whoever looks at it: it fits, everything that can be pressed has a name, and the keyboard can be followed. */
import type { Page } from 'playwright-core'

const INTERACTIVE = new Set([
  'button',
  'checkbox',
  'combobox',
  'link',
  'listbox',
  'menuitem',
  'radio',
  'slider',
  'spinbutton',
  'switch',
  'tab',
  'textbox',
  'application',
  'DisclosureTriangle'
])

/** Pixels by which the page is wider than its window; the widest elements, for the message. */
export function overflow(page: Page): Promise<{ readonly pixels: number; readonly widest: readonly string[] }> {
  return page.evaluate(() => {
    const pixels = (document.scrollingElement?.scrollWidth ?? 0) - innerWidth
    const wide = pixels <= 0 ? [] : [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > innerWidth)
    return { pixels: Math.max(0, pixels), widest: wide.slice(-3).map((one) => one.outerHTML.slice(0, 120)) }
  })
}

/** Roles of interactive elements that a screen reader could not name, out of the browser's own accessibility tree. */
export async function nameless(page: Page): Promise<{ readonly looked: number; readonly nameless: readonly string[] }> {
  const session = await page.context().newCDPSession(page)
  const { nodes } = await session.send('Accessibility.getFullAXTree')
  await session.detach()
  const interactive = nodes.filter((node) => !node.ignored && INTERACTIVE.has(String(node.role?.value)))
  const without = interactive.filter((node) => String(node.name?.value ?? '').trim() === '')
  return { looked: interactive.length, nameless: without.map((node) => `${String(node.role?.value)} ${String(node.backendDOMNodeId)}`) }
}

export interface TabStop {
  readonly name: string
  /** An outline of 2 px or more on the element, or on the box that stands for it. */
  readonly ringed: boolean
  /** Its middle is on screen, and neither bar lies over it. */
  readonly uncovered: boolean
}

/** Presses Tab once and describes where the focus went; null when it left the page. */
export async function nextTabStop(page: Page): Promise<TabStop | null> {
  await page.keyboard.press('Tab')
  return page.evaluate(() => {
    const at = document.activeElement
    if (at === null || at === document.body) return null
    const ring = (one: Element | null): boolean => {
      if (one === null) return false
      const { outlineStyle, outlineWidth } = getComputedStyle(one)
      return outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2
    }
    const stand = at.closest('label.btn, .ed') ?? at
    const box = stand.getBoundingClientRect()
    const x = box.x + Math.min(box.width, innerWidth) / 2
    const inside = Math.max(0, Math.min(innerHeight - 1, box.y + Math.min(box.height / 2, 40)))
    const hit = document.elementFromPoint(x, inside)
    const bar = hit?.closest('.bar') ?? null
    return {
      name: (at.getAttribute('aria-label') ?? at.textContent.trim().replace(/\s+/g, ' ')) || at.outerHTML.slice(0, 80),
      ringed: ring(at) || ring(stand),
      uncovered: box.bottom > 0 && box.top < innerHeight && (bar === null || bar.contains(at))
    }
  })
}
