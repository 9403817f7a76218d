/** Colours of the theme as a canvas understands them: it does not know light-dark(). */
import { useMemo } from 'react'
import { useTheme } from '@/lib/theme'
import { useMedia } from '@/lib/useMedia'

const NAMES = ['accent', 'line-strong', 'ink', 'ink-2', 'line', 'accent-wash'] as const
export type Colours = Record<(typeof NAMES)[number], string>

function read(scheme: string): Colours {
  const probe = document.createElement('span')
  probe.dataset['scheme'] = scheme
  document.body.append(probe)
  const found = NAMES.map((name) => {
    probe.style.color = `var(--${name})`
    return [name, getComputedStyle(probe).color]
  })
  probe.remove()
  return Object.fromEntries(found) as Colours
}

export function useColours(): Colours {
  const theme = useTheme((state) => state.theme)
  const dark = useMedia('(prefers-color-scheme: dark)')
  const scheme = `${theme} ${dark}`
  return useMemo(() => read(scheme), [scheme])
}
