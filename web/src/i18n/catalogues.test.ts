import { describe, expect, it } from 'vitest'
import { english } from './en'
import { LANGUAGES } from '.'

type Tree = { [key: string]: string | Tree }

const PLURAL = /_(zero|one|two|few|many|other)$/

function flat(tree: Tree, path = ''): Map<string, string> {
  const all = new Map<string, string>()
  for (const [key, value] of Object.entries(tree)) {
    const name = path ? `${path}.${key}` : key
    if (typeof value === 'string') all.set(name, value)
    else for (const [inner, text] of flat(value, name)) all.set(inner, text)
  }
  return all
}

const keysOf = (texts: Map<string, string>) =>
  [...new Set([...texts.keys()].map((key) => key.replace(PLURAL, '')))].sort()
const holes = (text: string) => [...text.matchAll(/{{\s*(\w+)/g)].map((found) => found[1]).sort()

const catalogues = import.meta.glob<{ default: Tree }>('./*/index.ts', { eager: true })
const reference = flat(english as unknown as Tree)

describe.each(Object.keys(LANGUAGES).filter((code) => code !== 'en'))('catalogue %s', (code) => {
  const texts = flat(catalogues[`./${code}/index.ts`]!.default)

  it('says everything English says, and nothing else', () => {
    expect(keysOf(texts)).toEqual(keysOf(reference))
  })

  it('leaves no text empty and fills the same holes', () => {
    for (const [key, text] of texts) {
      expect(text.trim(), key).not.toBe('')
      const original = reference.get(key) ?? reference.get(key.replace(PLURAL, '_other'))
      if (original !== undefined && !key.endsWith('_one')) expect(holes(text), key).toEqual(holes(original))
    }
  })
})
