/** A moment as m:ss.cc, typed or moved with the arrows. */
import { useState } from 'react'
import { Input, Label, TextField } from 'react-aria-components'
import { parseClock } from '@/lib/format'
import styles from './song.module.css'

/** 1:02.50 */
export function exactClock(seconds: number): string {
  const hundredths = Math.round(seconds * 100)
  const minutes = Math.floor(hundredths / 6000)
  const rest = (hundredths - minutes * 6000) / 100
  return `${minutes}:${rest.toFixed(2).padStart(5, '0')}`
}

export function TimeField({
  label,
  value,
  onChange,
  isDisabled,
}: {
  label: string
  value: number
  onChange: (value: number) => void
  isDisabled?: boolean
}) {
  const [text, setText] = useState<string | null>(null)
  const settle = () => {
    const seconds = text === null ? null : parseClock(text)
    setText(null)
    if (seconds !== null && Math.abs(seconds - value) > 0.004) onChange(seconds)
  }
  return (
    <TextField
      value={text ?? exactClock(value)}
      onChange={setText}
      isDisabled={isDisabled}
      className={styles.time}
      onBlur={settle}
      onKeyDown={(event) => {
        const step = { ArrowUp: 0.1, ArrowDown: -0.1, PageUp: 1, PageDown: -1 }[event.key]
        if (step) {
          event.preventDefault()
          setText(null)
          onChange(value + step)
        } else if (event.key === 'Enter') settle()
        else if (event.key === 'Escape') setText(null)
      }}
    >
      <Label>{label}</Label>
      <Input className="num" inputMode="decimal" />
    </TextField>
  )
}
