/** Light, dark, or as the machine says. */
import { create } from 'zustand'

export type Theme = 'system' | 'light' | 'dark'
const KEY = 'melisma.theme'

function stored(): Theme {
  const value = localStorage.getItem(KEY)
  return value === 'light' || value === 'dark' ? value : 'system'
}

function apply(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
}

export const useTheme = create<{ theme: Theme; setTheme: (theme: Theme) => void }>((set) => ({
  theme: stored(),
  setTheme: (theme) => {
    localStorage.setItem(KEY, theme)
    apply(theme)
    set({ theme })
  },
}))

apply(stored())
