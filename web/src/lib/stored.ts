/** State of a form that survives a reload. */
import { useCallback, useState } from 'react'

export function readStored<T extends object>(key: string, blank: T): T {
  try {
    const text = localStorage.getItem(key)
    const kept: unknown = text ? JSON.parse(text) : null
    return kept && typeof kept === 'object' && !Array.isArray(kept) ? { ...blank, ...kept } : blank
  } catch {
    return blank
  }
}

/** Like useState for an object, kept in this browser under `key`; fields added later start blank. */
export function useStored<T extends object>(key: string, blank: T): [T, (change: Partial<T>) => void] {
  const [value, setValue] = useState(() => readStored(key, blank))
  const change = useCallback(
    (part: Partial<T>) => {
      setValue((before) => {
        const after = { ...before, ...part }
        try {
          localStorage.setItem(key, JSON.stringify(after))
        } catch {
          // A full or forbidden store only costs the memory across reloads.
        }
        return after
      })
    },
    [key],
  )
  return [value, change]
}
