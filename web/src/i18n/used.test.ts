/** Every text that the source asks for by name is in the English catalogue. */
import { describe, expect, it } from 'vitest'
import { english } from './en'

const sources = import.meta.glob<string>('/src/**/*.tsx', { query: '?raw', import: 'default', eager: true })
const catalogue = english as unknown as Record<string, object>

function has(namespace: string, key: string): boolean {
  let at: unknown = catalogue[namespace]
  const parts = key.split('.')
  const last = parts.pop() ?? ''
  for (const part of parts) at = (at as Record<string, unknown> | undefined)?.[part]
  const here = (at ?? {}) as Record<string, unknown>
  return last in here || `${last}_other` in here
}

const asked = Object.entries(sources).flatMap(([file, text]) => {
  const spaces = [...text.matchAll(/useTranslation\(\[?'(\w+)'/g)].map((found) => found[1]!)
  return [...text.matchAll(/\bt\(\s*'([\w.:-]+)'/g)].map((found) => ({ file, key: found[1]!, spaces }))
})

describe('texts', () => {
  it('are asked for', () => {
    expect(asked.length).toBeGreaterThan(50)
  })

  it('exist', () => {
    const missing = asked.filter(({ key, spaces }) => {
      const [space, name] = key.includes(':') ? (key.split(':') as [string, string]) : [null, key]
      return !(space ? has(space, name) : spaces.some((one) => has(one, name)))
    })
    expect(missing.map(({ file, key }) => `${file}: ${key}`)).toEqual([])
  })
})
