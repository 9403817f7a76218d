/** Keys, media keys and the lock screen, tied to the player. */
import { useEffect, useRef } from 'react'
import { commandOf, type Command } from './shortcuts'
import { playedSpan, positionNow, RATES, usePlayer } from './store'

function rateBeside(rate: number, step: 1 | -1): number {
  const at = RATES.findIndex((other) => other === rate)
  return RATES[Math.min(RATES.length - 1, Math.max(0, at + step))] ?? 1
}

/** First press: here it begins. Second: here it ends. Third: no loop. */
export function nextLoop(
  loop: { startS: number; endS: number } | null,
  positionS: number,
  durationS: number,
): { startS: number; endS: number } | null {
  if (!loop) return { startS: positionS, endS: durationS }
  if (loop.endS === durationS && positionS > loop.startS + 0.2)
    return { startS: loop.startS, endS: positionS }
  return null
}

export function cycleLoop(): void {
  const player = usePlayer.getState()
  player.setLoop(nextLoop(player.loop, positionNow(), playedSpan(player).endS))
}

export function cycleRepeat(): void {
  const { repeat, setRepeat } = usePlayer.getState()
  setRepeat(repeat === 'off' ? 'all' : repeat === 'all' ? 'one' : 'off')
}

const PLAYS: Partial<Record<Command, () => void>> = {
  toggle: () => {
    usePlayer.getState().toggle()
  },
  back: () => {
    usePlayer.getState().seekBy(-5)
  },
  forward: () => {
    usePlayer.getState().seekBy(5)
  },
  jumpBack: () => {
    usePlayer.getState().seekBy(-10)
  },
  jumpForward: () => {
    usePlayer.getState().seekBy(10)
  },
  previous: () => {
    usePlayer.getState().previous()
  },
  next: () => {
    usePlayer.getState().next()
  },
  louder: () => {
    const { setVolume, volume } = usePlayer.getState()
    setVolume(volume + 0.05)
  },
  quieter: () => {
    const { setVolume, volume } = usePlayer.getState()
    setVolume(volume - 0.05)
  },
  mute: () => {
    const { setMuted, muted } = usePlayer.getState()
    setMuted(!muted)
  },
  slower: () => {
    const { setRate, rate } = usePlayer.getState()
    setRate(rateBeside(rate, -1))
  },
  faster: () => {
    const { setRate, rate } = usePlayer.getState()
    setRate(rateBeside(rate, 1))
  },
  loop: cycleLoop,
  repeat: cycleRepeat,
}

/** Listens for keys while the caller is on screen; `others` are commands that are not the player's own. */
export function useShortcuts(others: Partial<Record<Command, () => void>>): void {
  const latest = useRef(others)
  useEffect(() => {
    latest.current = others
  })
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const command = commandOf(event, event.target instanceof Element ? event.target : null)
      const run = command && (latest.current[command] ?? PLAYS[command])
      if (!run) return
      event.preventDefault()
      run()
    }
    window.addEventListener('keydown', onKeyDown)
    return () => {
      window.removeEventListener('keydown', onKeyDown)
    }
  }, [])
}

/** Media keys, headset buttons and the lock screen. */
export function useMediaSession(): void {
  const track = usePlayer((state) => state.track)
  const playing = usePlayer((state) => state.playing)
  const rate = usePlayer((state) => state.rate)

  useEffect(() => {
    if (!('mediaSession' in navigator)) return
    const session = navigator.mediaSession
    const { resume, pause, next, previous, seek, seekBy } = usePlayer.getState()
    const handlers: [MediaSessionAction, MediaSessionActionHandler][] = [
      ['play', resume],
      ['pause', pause],
      ['nexttrack', next],
      ['previoustrack', previous],
      [
        'seekto',
        ({ seekTime }) => {
          if (seekTime !== undefined) seek(playedSpan(usePlayer.getState()).startS + seekTime)
        },
      ],
      [
        'seekbackward',
        ({ seekOffset }) => {
          seekBy(-(seekOffset ?? 10))
        },
      ],
      [
        'seekforward',
        ({ seekOffset }) => {
          seekBy(seekOffset ?? 10)
        },
      ],
    ]
    for (const [action, handler] of handlers) {
      try {
        session.setActionHandler(action, handler)
      } catch {
        // A browser need not know every action.
      }
    }
    return () => {
      for (const [action] of handlers) {
        try {
          session.setActionHandler(action, null)
        } catch {
          // As above.
        }
      }
    }
  }, [])

  useEffect(() => {
    if (!('mediaSession' in navigator)) return
    navigator.mediaSession.metadata = track
      ? new MediaMetadata({
          title: track.title,
          artist: track.subtitle?.slice(0, 120) ?? '',
          album: 'melisma',
          artwork: track.artwork ? [{ src: new URL(track.artwork, location.href).href }] : [],
        })
      : null
  }, [track])

  useEffect(() => {
    if (!('mediaSession' in navigator) || !track) return
    navigator.mediaSession.playbackState = playing ? 'playing' : 'paused'
    const { startS, endS } = playedSpan(usePlayer.getState())
    if (endS > startS)
      navigator.mediaSession.setPositionState({
        duration: endS - startS,
        playbackRate: rate,
        position: Math.min(Math.max(0, positionNow() - startS), endS - startS),
      })
  }, [track, playing, rate])
}
