import { describe, expect, it } from 'vitest'
import { ANYTHING, filterCount, fromParams, toParams, toQuery, unfiltered, type Wanted } from './wanted'

const FULL: Wanted = {
  q: 'waltz dog',
  tags: ['folk', 'slow & low'],
  favourite: true,
  key: 'F# minor',
  language: 'de',
  bpmFrom: 60,
  bpmTo: 90,
  kind: 'cover',
  shared: false,
  sort: 'title',
  order: 'desc',
  trash: true,
}

describe('what is wanted of the library', () => {
  it('survives the address', () => {
    expect(fromParams(toParams(FULL))).toEqual(FULL)
    expect(fromParams(toParams(ANYTHING))).toEqual(ANYTHING)
  })

  it('keeps a space at the end of what is being typed, and does not send it', () => {
    const typing = { ...ANYTHING, q: 'slow ' }
    expect(fromParams(toParams(typing)).q).toBe('slow ')
    expect(toQuery(typing)).toEqual({ q: 'slow' })
  })

  it('asks for nothing where nothing is set', () => {
    expect(toQuery(ANYTHING)).toEqual({})
    expect(toParams(ANYTHING).toString()).toBe('')
  })

  it('does not believe every address', () => {
    const odd = fromParams(new URLSearchParams('sort=money&order=up&bpm_from=fast&bpm_to=1e9&kind=opera'))
    expect(odd).toEqual({ ...ANYTHING, bpmTo: 1000 })
  })

  it('counts filters, each tag by itself, tempo once', () => {
    expect(filterCount(FULL)).toBe(8)
    expect(filterCount(ANYTHING)).toBe(0)
    expect(filterCount(unfiltered(FULL))).toBe(0)
    expect(unfiltered(FULL)).toMatchObject({ q: 'waltz dog', sort: 'title', trash: true })
  })
})
