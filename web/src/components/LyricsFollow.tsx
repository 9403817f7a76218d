/** Words that follow the music. A line is a button that leads to its moment; without times they are words to read. */
import clsx from 'clsx'
import { useEffect, useRef } from 'react'
import type { Line } from '@/api/types'
import { clock } from '@/lib/format'
import { sectionsOf } from '@/lib/lyrics'
import { RESTING, useAt, type Playhead } from '@/lib/playhead'
import { lineAt } from '@/lib/sync'
import styles from './LyricsFollow.module.css'

// A person who scrolls wants to read; the words wait this long before they follow again.
const PATIENCE_MS = 4000

export function LyricsFollow({
  label,
  lines,
  lyrics,
  head,
  selected,
  onPick,
  large,
}: {
  label: string
  lines: readonly Line[]
  /** Shown where there are no lines in time. */
  lyrics: string
  /** null: nothing sounds here. */
  head: Playhead | null
  /** Span in seconds whose lines are marked. */
  selected?: { startS: number; endS: number } | null
  onPick: (index: number, extend: boolean) => void
  large?: boolean
}) {
  const list = useRef<HTMLOListElement>(null)
  const scrolled = useRef(0)
  const current = useAt(head ?? RESTING, (positionS) => (head ? lineAt(lines, positionS) : -1))

  useEffect(() => {
    if (current < 0 || Date.now() - scrolled.current < PATIENCE_MS) return
    const row = list.current?.children[current] as HTMLElement | undefined
    const box = list.current
    if (!row || !box) return
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches
    box.scrollTo({
      top: row.offsetTop - box.clientHeight / 2 + row.clientHeight / 2,
      behavior: calm ? 'auto' : 'smooth',
    })
  }, [current])

  if (!lines.length)
    return (
      <div className={clsx(styles.plain, large && styles.large)} dir="auto">
        {sectionsOf(lyrics).map((section, index) => (
          <div key={index}>
            {section.tag ? <p className={styles.tag}>{section.tag}</p> : null}
            {section.lines.map((line, at) => (
              <p key={at}>{line}</p>
            ))}
          </div>
        ))}
      </div>
    )

  const marked = (line: Line) =>
    Boolean(selected && line.start_s >= selected.startS - 0.01 && line.end_s <= selected.endS + 0.01)
  return (
    <ol
      ref={list}
      aria-label={label}
      className={clsx(styles.lines, large && styles.large)}
      onWheel={() => {
        scrolled.current = Date.now()
      }}
      onTouchMove={() => {
        scrolled.current = Date.now()
      }}
    >
      {lines.map((line, index) => {
        const tag = line.section && line.section !== lines[index - 1]?.section ? line.section : null
        return (
          <li key={`${index}-${line.start_s}`}>
            {tag ? <p className={styles.tag}>{tag}</p> : null}
            <button
              type="button"
              dir="auto"
              aria-current={index === current ? 'true' : undefined}
              aria-pressed={selected === undefined ? undefined : marked(line)}
              className={clsx(
                styles.line,
                index === current && styles.current,
                current >= 0 && index < current && styles.past,
                marked(line) && styles.marked,
              )}
              onClick={(event) => {
                onPick(index, event.shiftKey)
              }}
            >
              <span>{line.text}</span>
              <span className={clsx('num', styles.time)}>{clock(line.start_s)}</span>
            </button>
          </li>
        )
      })}
    </ol>
  )
}
