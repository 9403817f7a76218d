/** A tooltip: appears on hover after a moment and on keyboard focus at once. */
import type { ReactElement } from 'react'
import { Tooltip, TooltipTrigger } from 'react-aria-components'
import styles from './Tip.module.css'

export function Tip({ label, children }: { label: string; children: ReactElement }) {
  return (
    <TooltipTrigger delay={600} closeDelay={60}>
      {children}
      <Tooltip offset={6} className={styles.tip}>
        {label}
      </Tooltip>
    </TooltipTrigger>
  )
}
