import { describe, expect, it } from 'vitest'
import { moved } from './lists'

describe('moving in a list', () => {
  const list = ['a', 'b', 'c', 'd', 'e']
  it.each([
    [[0], 2, false, 'bacde'],
    [[0], 2, true, 'bcade'],
    [[4], 0, false, 'eabcd'],
    [[1, 3], 4, true, 'acebd'],
    [[1, 3], 0, false, 'bdace'],
    [[2], 2, false, 'abcde'],
    [[0, 1, 2, 3, 4], 3, true, 'abcde'],
  ])('%j to %i (after: %s) gives %s', (places, target, after, result) => {
    expect(moved(list, new Set(places), target, after).join('')).toBe(result)
  })
})
