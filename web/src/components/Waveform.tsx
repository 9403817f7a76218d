/**
 * A waveform to look at and to seek in. Lines of an SVG that keep their width however wide the picture is, so one path
 * serves every size and every theme.
 */
import clsx from 'clsx'
import { useMemo, useRef, type KeyboardEvent, type PointerEvent } from 'react'
import { clock } from '@/lib/format'
import { useAt, useFollow, type Playhead } from '@/lib/playhead'
import styles from './Waveform.module.css'

/** The loudest of each of `count` equal stretches. */
export function thinned(peaks: readonly number[], count: number): number[] {
  if (peaks.length <= count) return [...peaks]
  return Array.from({ length: count }, (_, bar) => {
    const from = Math.floor((bar * peaks.length) / count)
    const to = Math.max(from + 1, Math.floor(((bar + 1) * peaks.length) / count))
    return Math.max(...peaks.slice(from, to))
  })
}

function drawn(peaks: readonly number[], bars: number): { path: string; count: number } {
  const heights = thinned(peaks, bars)
  const loudest = Math.max(0.05, ...heights)
  const path = heights
    .map((height, bar) => {
      const half = Math.max(2, (height / loudest) * 47)
      return `M${bar + 0.5} ${(50 - half).toFixed(1)}V${(50 + half).toFixed(1)}`
    })
    .join('')
  return { path, count: heights.length }
}

const FLAT = Array.from({ length: 64 }, () => 0)

interface Shown {
  peaks: readonly number[] | undefined
  durationS: number
  head: Playhead
  bars?: number
  range?: Stretch | null
  /** What is shown of it; left out, the whole. Positions stay those of the whole. */
  span?: Stretch | undefined
  className?: string
}

interface Stretch {
  startS: number
  endS: number
}

/** Those peaks that lie in a stretch. */
export function within(peaks: readonly number[], durationS: number, { startS, endS }: Stretch): number[] {
  const place = (seconds: number) => Math.round((seconds / durationS) * peaks.length)
  return peaks.slice(place(startS), Math.max(place(startS) + 1, place(endS)))
}

export function Waveform({
  label,
  peaks,
  durationS,
  head,
  bars = 160,
  range = null,
  span,
  onSeek,
  className,
}: Shown & {
  label: string
  onSeek: (positionS: number) => void
}) {
  const box = useRef<HTMLDivElement>(null)
  const startS = span?.startS ?? 0
  const endS = span?.endS ?? durationS
  const lengthS = endS - startS
  const { path, count } = useMemo(() => {
    const all = peaks?.length ? peaks : FLAT
    return drawn(durationS > 0 ? within(all, durationS, { startS, endS }) : all, bars)
  }, [peaks, bars, durationS, startS, endS])
  const share = (seconds: number) =>
    `${lengthS > 0 ? Math.min(100, Math.max(0, (seconds / lengthS) * 100)) : 0}%`
  const second = useAt(head, (positionS) => Math.round(Math.max(0, positionS - startS)))
  useFollow(head, (positionS) => {
    box.current?.style.setProperty('--at', share(positionS - startS))
  })

  const seekTo = (event: PointerEvent) => {
    const rect = box.current?.getBoundingClientRect()
    if (!rect || rect.width === 0) return
    onSeek(startS + Math.min(1, Math.max(0, (event.clientX - rect.left) / rect.width)) * lengthS)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const positionS = head.get()
    const to: Record<string, number> = {
      ArrowLeft: positionS - 5,
      ArrowRight: positionS + 5,
      PageDown: positionS - 15,
      PageUp: positionS + 15,
      Home: startS,
      End: endS,
    }
    const target = to[event.key]
    if (target === undefined || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    onSeek(Math.min(endS, Math.max(startS, target)))
  }

  return (
    <div
      ref={box}
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={Math.round(lengthS)}
      aria-valuenow={second}
      aria-valuetext={`${clock(second)} / ${clock(lengthS)}`}
      className={clsx(styles.waveform, className)}
      onKeyDown={onKeyDown}
      onPointerDown={(event) => {
        if (event.button !== 0) return
        event.currentTarget.setPointerCapture(event.pointerId)
        seekTo(event)
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) seekTo(event)
      }}
    >
      {range ? (
        <span
          className={styles.range}
          style={{ insetInlineStart: share(range.startS - startS), width: share(range.endS - range.startS) }}
        />
      ) : null}
      <svg viewBox={`0 0 ${count} 100`} preserveAspectRatio="none" aria-hidden className={styles.rest}>
        <path d={path} />
      </svg>
      <svg viewBox={`0 0 ${count} 100`} preserveAspectRatio="none" aria-hidden className={styles.played}>
        <path d={path} />
      </svg>
    </div>
  )
}
