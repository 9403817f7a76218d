/**
 * Where something that plays is. It lies outside of what React draws: a page that held it would be drawn anew ten times a
 * second, and a click that leads elsewhere would wait behind that. Whoever shows a position follows it here, and is drawn
 * anew only when what it shows has changed.
 */
import { useEffect, useEffectEvent, useSyncExternalStore } from 'react'

export interface Playhead {
  /** Seconds. */
  get: () => number
  subscribe: (listener: () => void) => () => void
}

export interface MovingHead extends Playhead {
  set: (positionS: number) => void
}

export function movingHead(): MovingHead {
  let position = 0
  const listeners = new Set<() => void>()
  return {
    get: () => position,
    set: (positionS) => {
      if (positionS === position) return
      position = positionS
      for (const listener of listeners) listener()
    },
    subscribe: (listener) => {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
  }
}

/** Of something that does not play. */
export const RESTING: Playhead = { get: () => 0, subscribe: () => () => undefined }

/** What follows from the position, as a number or a text, so that equal ones are known to be equal. */
export function useAt<T extends number | string | boolean>(
  head: Playhead,
  pick: (positionS: number) => T,
): T {
  return useSyncExternalStore(head.subscribe, () => pick(head.get()))
}

/** Acts on each move, and whenever the caller is drawn; draws nothing anew. */
export function useFollow(head: Playhead, act: (positionS: number) => void): void {
  const move = useEffectEvent(() => {
    act(head.get())
  })
  useEffect(() => {
    move()
  })
  useEffect(
    () =>
      head.subscribe(() => {
        move()
      }),
    [head],
  )
}
