/** Words that become a text field when pressed. Enter or leaving keeps the change, Escape drops it. */
import clsx from 'clsx'
import { useState, type KeyboardEvent } from 'react'
import styles from './InlineEdit.module.css'

/** The field alone, for callers that know when it is time to write. */
export function InlineField({
  label,
  value,
  maxLength,
  onDone,
  className,
}: {
  label: string
  value: string
  maxLength: number
  /** The new words; null if nothing changed. */
  onDone: (value: string | null) => void
  className?: string
}) {
  const [text, setText] = useState(value)
  const [over, setOver] = useState(false)
  const end = (kept: boolean) => {
    if (over) return
    setOver(true)
    const words = text.trim()
    onDone(kept && words && words !== value ? words : null)
  }
  return (
    <input
      className={clsx(styles.input, className)}
      aria-label={label}
      value={text}
      maxLength={maxLength}
      dir="auto"
      ref={(node) => {
        if (node && document.activeElement !== node && !node.dataset['seen']) {
          node.dataset['seen'] = 'yes'
          node.focus()
          node.select()
        }
      }}
      onChange={(event) => {
        setText(event.target.value)
      }}
      onBlur={() => {
        end(true)
      }}
      onKeyDown={(event: KeyboardEvent) => {
        // Lists and shortcuts around this field read keys too.
        event.stopPropagation()
        if (event.key === 'Enter' && !event.nativeEvent.isComposing) end(true)
        else if (event.key === 'Escape') end(false)
      }}
    />
  )
}

export function InlineEdit({
  label,
  value,
  maxLength = 200,
  onSave,
  isDisabled,
  className,
}: {
  label: string
  value: string
  maxLength?: number
  onSave: (value: string) => void
  isDisabled?: boolean
  className?: string
}) {
  const [editing, setEditing] = useState(false)
  if (isDisabled) return <span className={className}>{value}</span>
  if (editing)
    return (
      <InlineField
        label={label}
        value={value}
        maxLength={maxLength}
        className={className}
        onDone={(words) => {
          setEditing(false)
          if (words) onSave(words)
        }}
      />
    )
  return (
    <button
      type="button"
      className={clsx(styles.words, className)}
      title={label}
      dir="auto"
      onClick={() => {
        setEditing(true)
      }}
    >
      {value}
      <span className="visually-hidden"> – {label}</span>
    </button>
  )
}
