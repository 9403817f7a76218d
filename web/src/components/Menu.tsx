/** A menu of actions behind a button. */
import clsx from 'clsx'
import type { ReactElement, ReactNode } from 'react'
import { Menu as AriaMenu, MenuItem, MenuTrigger, Popover, Separator } from 'react-aria-components'
import styles from './fields.module.css'

export type MenuEntry =
  | 'separator'
  | {
      id: string
      label: string
      icon?: ReactNode
      shortcut?: string
      danger?: boolean
      isDisabled?: boolean
      /** Either something to do or somewhere to go. */
      onAction?: () => void
      href?: string
      download?: boolean
    }

export function Menu({
  label,
  trigger,
  entries,
}: {
  label: string
  /** A `Button` or `IconButton`. */
  trigger: ReactElement
  entries: readonly (MenuEntry | false | null)[]
}) {
  return (
    <MenuTrigger>
      {trigger}
      <Popover className={styles.popover} offset={4}>
        <AriaMenu aria-label={label} className={styles.list}>
          {entries.map((entry, index) => {
            if (!entry) return null
            if (entry === 'separator') return <Separator key={`line-${index}`} className={styles.separator} />
            return (
              <MenuItem
                key={entry.id}
                id={entry.id}
                textValue={entry.label}
                isDisabled={entry.isDisabled}
                onAction={entry.onAction}
                href={entry.href}
                download={entry.download}
                className={clsx(styles.item, entry.danger && styles.danger)}
              >
                <span className={styles.itemRow}>
                  {entry.icon}
                  {entry.label}
                  {entry.shortcut ? <kbd>{entry.shortcut}</kbd> : null}
                </span>
              </MenuItem>
            )
          })}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  )
}
