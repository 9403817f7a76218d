/** A section that folds away, with a summary of what is set inside it. */
import { ChevronDown } from 'lucide-react'
import type { ReactNode } from 'react'
import { Button, Disclosure, DisclosurePanel, Heading } from 'react-aria-components'
import styles from './Fold.module.css'

export function Fold({
  title,
  summary,
  children,
  isExpanded,
  onExpandedChange,
  defaultExpanded,
  level = 2,
}: {
  title: string
  summary?: ReactNode
  children: ReactNode
  isExpanded?: boolean
  onExpandedChange?: (open: boolean) => void
  defaultExpanded?: boolean
  /** Of its heading, where it stands deeper than right under the title. */
  level?: number
}) {
  return (
    <Disclosure
      className={styles.fold}
      isExpanded={isExpanded}
      onExpandedChange={onExpandedChange}
      defaultExpanded={defaultExpanded}
    >
      <Heading level={level} className={styles.heading}>
        <Button slot="trigger" className={styles.trigger}>
          <span>{title}</span>
          <span className={styles.summary}>{summary}</span>
          <ChevronDown size={16} aria-hidden />
        </Button>
      </Heading>
      <DisclosurePanel>
        <div className={styles.inside}>{children}</div>
      </DisclosurePanel>
    </Disclosure>
  )
}
