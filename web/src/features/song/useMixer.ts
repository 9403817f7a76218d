/** A mixer for as long as the caller is on screen, and where it is. */
import { useEffect, useRef, useState } from 'react'
import { movingHead } from '@/lib/playhead'
import { usePlayer } from '@/features/player/store'
import { Mixer } from './mixer'

export function useMixer(wanted: readonly { id: string; url: string }[], enabled: boolean) {
  const mixer = useRef<Mixer | null>(null)
  const [state, setState] = useState<'off' | 'loading' | 'ready' | 'failed'>('off')
  const [playing, setPlaying] = useState(false)
  const [head] = useState(movingHead)
  const list = JSON.stringify(wanted)

  useEffect(() => {
    if (!enabled) return
    const made = (mixer.current ??= new Mixer())
    let left = false
    made.onChange = () => {
      head.set(made.positionS)
      setPlaying(made.playing)
    }
    const load = async () => {
      setState('loading')
      try {
        await made.load(JSON.parse(list) as { id: string; url: string }[])
        if (!left) setState('ready')
      } catch (error) {
        if (!left && !(error instanceof DOMException && error.name === 'AbortError')) setState('failed')
      }
    }
    void load()
    return () => {
      left = true
    }
  }, [list, enabled, head])

  useEffect(
    () => () => {
      mixer.current?.close()
      mixer.current = null
    },
    [],
  )

  useEffect(() => {
    if (!playing) return
    const timer = setInterval(() => {
      mixer.current?.onChange()
    }, 100)
    return () => {
      clearInterval(timer)
    }
  }, [playing])

  // One thing sounds at a time.
  const songPlays = usePlayer((player) => player.playing)
  useEffect(() => {
    if (songPlays) mixer.current?.pause()
  }, [songPlays])

  return { mixer, state, head, playing }
}
