/**
 * A waveform to look at and to seek in. Lines of an SVG that keep their width however wide the picture is, so one path
 * serves every size and every theme.
 */
import clsx from 'clsx'
import { useMemo, useRef, type CSSProperties, type KeyboardEvent, type PointerEvent } from 'react'
import { clock } from '@/lib/format'
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
  positionS: number
  bars?: number
  range?: { startS: number; endS: number } | null
  className?: string
}

export function Waveform({
  label,
  peaks,
  durationS,
  positionS,
  bars = 160,
  range = null,
  onSeek,
  className,
}: Shown & {
  label: string
  onSeek: (positionS: number) => void
}) {
  const box = useRef<HTMLDivElement>(null)
  const { path, count } = useMemo(() => drawn(peaks?.length ? peaks : FLAT, bars), [peaks, bars])
  const share = (seconds: number) => `${durationS > 0 ? Math.min(100, (seconds / durationS) * 100) : 0}%`

  const seekTo = (event: PointerEvent) => {
    const rect = box.current?.getBoundingClientRect()
    if (!rect || rect.width === 0) return
    onSeek(Math.min(1, Math.max(0, (event.clientX - rect.left) / rect.width)) * durationS)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const to: Record<string, number> = {
      ArrowLeft: positionS - 5,
      ArrowRight: positionS + 5,
      PageDown: positionS - 15,
      PageUp: positionS + 15,
      Home: 0,
      End: durationS,
    }
    const target = to[event.key]
    if (target === undefined || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    onSeek(Math.min(durationS, Math.max(0, target)))
  }

  return (
    <div
      ref={box}
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={Math.round(durationS)}
      aria-valuenow={Math.round(positionS)}
      aria-valuetext={`${clock(positionS)} / ${clock(durationS)}`}
      className={clsx(styles.waveform, className)}
      style={{ '--at': share(positionS) } as CSSProperties}
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
          style={{ insetInlineStart: share(range.startS), width: share(range.endS - range.startS) }}
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
