import { describe, expect, it, vi } from 'vitest'
import { movingHead, RESTING } from './playhead'

describe('a playhead', () => {
  it('tells each move once, to those who still listen', () => {
    const head = movingHead()
    const heard = vi.fn()
    const stop = head.subscribe(heard)
    head.set(1.5)
    head.set(1.5)
    expect(heard).toHaveBeenCalledTimes(1)
    expect(head.get()).toBe(1.5)
    stop()
    head.set(2)
    expect(heard).toHaveBeenCalledTimes(1)
  })
  it('rests at zero', () => {
    expect(RESTING.get()).toBe(0)
  })
})
