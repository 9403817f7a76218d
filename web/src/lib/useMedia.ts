/** Whether a media query holds, as a hook. */
import { useSyncExternalStore } from 'react'

export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const list = matchMedia(query)
      list.addEventListener('change', changed)
      return () => {
        list.removeEventListener('change', changed)
      }
    },
    () => matchMedia(query).matches,
  )
}

export const WIDE = '(min-width: 1100px)'
export const PHONE = '(max-width: 699px)'
