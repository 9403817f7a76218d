import { describe, expect, it } from 'vitest'
import type { Job } from '@/api/types'
import { priorityFor, stageKey, takeShares, wholeShare } from './stage'

const job = (change: Partial<Job>) =>
  ({
    id: 'a',
    kind: 'sing',
    state: 'running',
    takes: 1,
    take_number: 1,
    step: 0,
    steps: 0,
    priority: 0,
    ...change,
  }) as Job

describe('progress', () => {
  it('fills takes one after another', () => {
    const shares = takeShares(job({ takes: 3, take_number: 2, stage: 'sing (seed 5)', step: 4, steps: 8 }))
    expect(shares[0]).toBe(1)
    expect(shares[1]).toBeCloseTo(0.45)
    expect(shares[2]).toBe(0)
    expect(takeShares(job({ takes: 2, state: 'done' }))).toEqual([1, 1])
  })

  it('is unknown before the first note, known for what counts its steps', () => {
    expect(wholeShare(job({ stage: 'prepare' }))).toBeNull()
    expect(wholeShare(job({ takes: 2, stage: 'sing', step: 8, steps: 8 }))).toBeCloseTo(0.45)
    expect(wholeShare(job({ kind: 'pull', stage: 'fetch x', step: 30, steps: 120 }))).toBe(0.25)
  })

  it('knows the stages of the engine', () => {
    expect(
      [
        'sing (seed 3)',
        'decode',
        'prepare',
        'write the plan',
        "write the song's words",
        'write audio codes',
      ].map(stageKey),
    ).toEqual(['sing', 'decode', 'prepare', 'plan', 'words', 'codes'])
    expect(stageKey('something new')).toBeNull()
  })
})

describe('moving a job', () => {
  const list = [
    job({ id: 'r' }),
    job({ id: 'x', state: 'queued', priority: 2 }),
    job({ id: 'y', state: 'queued' }),
    job({ id: 'z', state: 'queued' }),
  ]
  it('takes the place before or after its neighbour', () => {
    expect(priorityFor(list, 'y', 'sooner')).toBe(3)
    expect(priorityFor(list, 'x', 'later')).toBe(-1)
    expect(priorityFor(list, 'z', 'sooner')).toBe(1)
  })
  it('ends at the ends', () => {
    expect(priorityFor(list, 'x', 'sooner')).toBeNull()
    expect(priorityFor(list, 'z', 'later')).toBeNull()
    expect(
      priorityFor(
        [job({ id: 'a', state: 'queued', priority: 10 }), job({ id: 'b', state: 'queued' })],
        'b',
        'sooner',
      ),
    ).toBeNull()
  })
})
