import { describe, expect, it } from 'vitest'
import type { Take } from '@/api/types'
import { lineage, stemsOf, versionTree, type Version } from './versions'

const take = (id: string, parent: string | null, more: Partial<Take> = {}): Take =>
  ({
    id,
    parent_id: parent,
    number: 0,
    kind: 'repaint',
    created_at: `2026-01-0${id.charCodeAt(0) - 96}`,
    discarded_at: null,
    ...more,
  }) as Take

const shape = (tree: Version[]): unknown[] => tree.map((one) => [one.take.id, ...shape(one.children)])

describe('versions', () => {
  it('hang beneath what they were made from, oldest first', () => {
    const takes = [take('d', 'b'), take('c', 'a'), take('b', 'a'), take('a', null), take('e', 'elsewhere')]
    expect(shape(versionTree(takes))).toEqual([['a', ['b', ['d']], ['c']], ['e']])
  })

  it('drop the discarded, unless something hangs beneath', () => {
    const gone = { discarded_at: '2026-02-01' }
    const takes = [take('a', null, gone), take('b', 'a'), take('c', 'b', gone)]
    expect(shape(versionTree(takes))).toEqual([['a', ['b']]])
  })

  it('lose nobody in a circle', () => {
    const flat = (tree: Version[]): string[] => tree.flatMap((one) => [one.take.id, ...flat(one.children)])
    expect(flat(versionTree([take('a', 'b'), take('b', 'a'), take('c', 'c')])).sort()).toEqual([
      'a',
      'b',
      'c',
    ])
    expect(lineage([take('a', 'b'), take('b', 'a')], 'a').map((one) => one.id)).toEqual(['b', 'a'])
  })

  it('know the way back', () => {
    const takes = [take('a', null), take('b', 'a'), take('c', 'b')]
    expect(lineage(takes, 'c').map((one) => one.id)).toEqual(['a', 'b', 'c'])
    expect(lineage(takes, 'x')).toEqual([])
  })

  it('know their stems', () => {
    const takes = [
      take('a', null),
      take('b', 'a', { kind: 'extract' }),
      take('c', 'a', { kind: 'lego' }),
      take('d', 'a'),
      take('e', 'a', { kind: 'extract', discarded_at: 'x' }),
    ]
    expect(stemsOf(takes, 'a').map((one) => one.id)).toEqual(['b', 'c'])
  })
})
