import { describe, expect, it } from 'vitest'
import { indexAt, lineAt, sectionAt, spanOf } from './sync'

const lines = [
  { start_s: 1, end_s: 3, text: 'one', section: 'verse' },
  { start_s: 3.5, end_s: 5, text: 'two', section: 'verse' },
  { start_s: 12, end_s: 15, text: 'three', section: 'chorus' },
]

describe('lyrics in time', () => {
  it.each([
    [0, -1],
    [1, 0],
    [3.2, 0],
    [3.5, 1],
    [6.9, 1],
    [9, -1],
    [12, 2],
    [30, -1],
  ])('at %f s it is line %i', (at, index) => {
    expect(lineAt(lines, at)).toBe(index)
  })

  it('agrees with looking at every span', () => {
    const spans = Array.from({ length: 50 }, (_, i) => ({ start_s: i * 2, end_s: i * 2 + 1.5 }))
    for (let at = -1; at < 104; at += 0.25) {
      const slow = spans.findLastIndex((span) => span.start_s <= at && at < span.end_s + 2)
      expect(indexAt(spans, at)).toBe(slow)
    }
  })

  it('knows no section after the last', () => {
    const sections = [{ start_s: 0, end_s: 10, name: 'verse' }]
    expect(sectionAt(sections, 9.9)).toBe(0)
    expect(sectionAt(sections, 10)).toBe(-1)
  })

  it('spans a run of lines, in either direction', () => {
    expect(spanOf(lines, 1, 0)).toEqual({ startS: 1, endS: 5 })
    expect(spanOf(lines, 2, 2)).toEqual({ startS: 12, endS: 15 })
    expect(spanOf([], 0, 0)).toBeNull()
  })
})
