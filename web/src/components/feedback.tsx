/** What the page says back: progress, empty places, notices, toasts; and covers. */
import clsx from 'clsx'
import { CircleAlert, Info, TriangleAlert, X } from 'lucide-react'
import { useEffect, type CSSProperties, type ReactNode } from 'react'
import { ProgressBar } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { dismiss, useToasts, type Toast } from '@/lib/toasts'
import styles from './feedback.module.css'

/** Progress from 0 to 1; null where nobody knows. */
export function Progress({ label, value }: { label: string; value: number | null }) {
  return (
    <ProgressBar
      aria-label={label}
      value={(value ?? 0) * 100}
      isIndeterminate={value === null}
      className={clsx(styles.bar, value === null && styles.unknown)}
    >
      {({ percentage }) => <div className={styles.fill} style={{ width: `${percentage ?? 0}%` }} />}
    </ProgressBar>
  )
}

export function Empty({
  title,
  children,
  action,
}: {
  title: string
  children?: ReactNode
  action?: ReactNode
}) {
  return (
    <div className={styles.empty}>
      <h2>{title}</h2>
      {children ? <p>{children}</p> : null}
      {action}
    </div>
  )
}

export function Notice({ kind = 'info', children }: { kind?: 'info' | 'warn' | 'bad'; children: ReactNode }) {
  const Icon = kind === 'bad' ? CircleAlert : kind === 'warn' ? TriangleAlert : Info
  return (
    <div
      role={kind === 'bad' ? 'alert' : undefined}
      className={clsx(styles.notice, kind === 'warn' && styles.warn, kind === 'bad' && styles.bad)}
    >
      <Icon size={16} aria-hidden />
      <div>{children}</div>
    </div>
  )
}

function hueOf(seed: string): number {
  let hash = 0
  for (const letter of seed) hash = (hash * 31 + letter.charCodeAt(0)) >>> 0
  return hash % 360
}

/** A song's picture; until it has one, a colour of its own. */
export function Cover({
  seed,
  src,
  size,
  className,
}: {
  seed: string
  src: string | null
  /** A CSS length. */
  size?: string
  className?: string
}) {
  return (
    <span
      className={clsx(styles.cover, className)}
      style={{ '--hue': hueOf(seed), ...(size ? { '--cover': size } : {}) } as CSSProperties}
    >
      {src ? <img src={src} alt="" loading="lazy" decoding="async" /> : null}
    </span>
  )
}

function ToastCard({ toast }: { toast: Toast }) {
  const { t } = useTranslation('common')
  useEffect(() => {
    const timer = setTimeout(() => {
      dismiss(toast.id)
    }, toast.lastsMs)
    return () => {
      clearTimeout(timer)
    }
  }, [toast])
  return (
    <div className={styles.toast}>
      <span>{toast.text}</span>
      {toast.action ? (
        <button
          type="button"
          onClick={() => {
            toast.action?.run()
            dismiss(toast.id)
          }}
        >
          {toast.action.label}
        </button>
      ) : null}
      <button
        type="button"
        className={styles.dismiss}
        aria-label={t('close')}
        onClick={() => {
          dismiss(toast.id)
        }}
      >
        <X size={16} aria-hidden />
      </button>
    </div>
  )
}

/** The place where toasts appear; once, in the app shell. */
export function Toasts() {
  const toasts = useToasts((state) => state.toasts)
  return (
    <div className={styles.toasts} role="status" aria-live="polite">
      {toasts.map((toast) => (
        <ToastCard key={toast.id} toast={toast} />
      ))}
    </div>
  )
}
