import { expect, it } from 'vitest'
import { english } from '@/i18n/en'
import { wordsOf } from './StyleField'

const catalogues = import.meta.glob<{ styles: Record<string, string> }>('/src/i18n/*/compose.json', {
  eager: true,
  import: 'default',
})

it.each(Object.entries(catalogues))('%s names every word of style', (_, { styles }) => {
  for (const [group, words] of Object.entries(english.compose.styles))
    expect(wordsOf(styles[group]!).length, group).toBe(wordsOf(words).length)
})
