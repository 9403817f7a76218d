/** Buttons, and links that look like them. An icon alone always has a name, shown as a tooltip. */
import clsx from 'clsx'
import type { ReactNode } from 'react'
import {
  Button as AriaButton,
  Link as AriaLink,
  type ButtonProps as AriaButtonProps,
  type LinkProps as AriaLinkProps,
} from 'react-aria-components'
import styles from './Button.module.css'
import { Tip } from './Tip'

interface Look {
  look?: 'primary' | 'secondary' | 'quiet' | 'danger'
  size?: 'small' | 'medium' | 'large'
  className?: string
}

const classes = (
  { look = 'secondary', size = 'medium', className }: Look,
  ...more: (string | false | undefined)[]
) => clsx(styles.button, styles[look], size !== 'medium' && styles[size], ...more, className)

export type ButtonProps = Omit<AriaButtonProps, 'className' | 'children'> & Look & { children?: ReactNode }

export function Button({ look, size, className, ...rest }: ButtonProps) {
  return <AriaButton {...rest} className={classes({ look, size, className })} />
}

export type IconButtonProps = Omit<ButtonProps, 'aria-label'> & {
  /** What it does, for screen readers and as a tooltip. */
  label: string
  round?: boolean
  /** A state that is on, as in a lit key. */
  on?: boolean
  shortcut?: string
}

export function IconButton({
  look = 'quiet',
  size,
  className,
  label,
  round,
  on,
  shortcut,
  ...rest
}: IconButtonProps) {
  return (
    <Tip label={shortcut ? `${label} (${shortcut})` : label}>
      <AriaButton
        {...rest}
        aria-label={label}
        aria-pressed={on}
        className={classes({ look, size, className }, styles.icon, round && styles.round, on && styles.on)}
      />
    </Tip>
  )
}

export type ButtonLinkProps = Omit<AriaLinkProps, 'className' | 'children'> & Look & { children?: ReactNode }

export function ButtonLink({ look, size, className, ...rest }: ButtonLinkProps) {
  return <AriaLink {...rest} className={classes({ look, size, className })} />
}
