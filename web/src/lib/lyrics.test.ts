import { describe, expect, it } from 'vitest'
import { fit, lineCount, sectionsOf, syllables, withTag } from './lyrics'

const SONG = `[verse]
Rain on the window, slow and low
I count the drops and let them go

[chorus]
Stay, stay a while
`

describe('lyrics', () => {
  it('are cut at their tags', () => {
    expect(sectionsOf(SONG).map((section) => [section.tag, section.lines.length])).toEqual([
      ['verse', 2],
      ['chorus', 1],
    ])
    expect(sectionsOf('hello\n[verse]').map((section) => section.tag)).toEqual([null, 'verse'])
    expect(sectionsOf('')).toEqual([])
  })

  it('count as lines without tags and blanks', () => {
    expect(lineCount(SONG)).toBe(3)
    expect(lineCount('\n\n[intro]\n')).toBe(0)
  })

  it.each([
    ['Rain on the window', 'en', 5],
    ['I love the little apple', 'en', 7],
    ['canto de amore', 'it', 6],
    ['月亮代表我的心', 'zh', 7],
    ['きょうはいい', 'ja', 5],
    ['шла Саша по шоссе', 'ru', 6],
    ['[chorus]', 'en', 0],
    ['7 up', 'en', 2],
  ])('%s in %s has %i syllables', (text, language, count) => {
    expect(syllables(text, language)).toBe(count)
  })

  it('fit a length or name one that does', () => {
    const words = 'la la la la la '.repeat(30)
    expect(fit(words, 60, 'en').fullness).toBeLessThan(1)
    const tight = fit(words, 20, 'en')
    expect(tight.fullness).toBeGreaterThan(1)
    expect(tight.neededS).toBe(40)
    expect(fit(words, tight.neededS, 'en').fullness).toBeLessThanOrEqual(1)
  })

  it('take a tag on a line of its own', () => {
    expect(withTag('', 0, 'verse')).toEqual({ text: '[verse]\n', cursor: 8 })
    expect(withTag('one\ntwo', 3, 'chorus').text).toBe('one\n\n[chorus]\ntwo')
    expect(withTag('one\n', 4, 'outro').text).toBe('one\n\n[outro]\n')
  })
})
