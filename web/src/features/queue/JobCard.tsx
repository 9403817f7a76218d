/** One job: what it is, what it does now, how far, how long still; and what went wrong with the way out. */
import clsx from 'clsx'
import { ArrowDown, ArrowUp, X } from 'lucide-react'
import { useEffect, useState, type ReactNode } from 'react'
import { Link } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { isActive } from '@/api/events'
import { useJobActions } from '@/api/mutations'
import { useJobLog } from '@/api/queries'
import type { Job } from '@/api/types'
import { Button, IconButton } from '@/components/Button'
import { Notice } from '@/components/feedback'
import { clock } from '@/lib/format'
import { priorityFor, stageText, takeShares, wholeShare } from './stage'
import styles from './queue.module.css'

/** Counts down between two pieces of news. */
function useSecondsLeft(job: Job): number | null {
  const [passed, setPassed] = useState(0)
  const told = job.state === 'running' ? job.seconds_left : null
  const [seen, setSeen] = useState(told)
  if (seen !== told) {
    setSeen(told)
    setPassed(0)
  }
  useEffect(() => {
    if (told === null) return
    const timer = setInterval(() => {
      setPassed((before) => before + 1)
    }, 1000)
    return () => {
      clearInterval(timer)
    }
  }, [told])
  return told === null ? null : Math.max(0, told - passed)
}

function Bars({ job, label }: { job: Job; label: string }) {
  const whole = wholeShare(job)
  const shares = job.kind === 'sing' ? takeShares(job) : [whole ?? 0]
  const unknown = job.state === 'running' && whole === null
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={whole === null ? undefined : Math.round(whole * 100)}
      className={clsx(styles.bars, unknown && styles.unknown)}
    >
      {shares.map((share, at) => (
        <span key={at} className={styles.bar}>
          <span style={{ width: `${share * 100}%` }} />
        </span>
      ))}
    </div>
  )
}

function Log({ job }: { job: Job }) {
  const { t } = useTranslation('queue')
  const [open, setOpen] = useState(false)
  const log = useJobLog(job.id, open)
  return (
    <details
      className={styles.log}
      onToggle={(event) => {
        setOpen(event.currentTarget.open)
      }}
    >
      <summary>{t('log')}</summary>
      {log.data?.length ? (
        <ol>
          {log.data.map((note, at) => (
            <li key={at}>
              <time className="num" dateTime={note.at}>
                {new Date(note.at).toLocaleTimeString()}
              </time>{' '}
              {note.text}
            </li>
          ))}
        </ol>
      ) : log.data ? (
        <p>{t('logEmpty')}</p>
      ) : null}
    </details>
  )
}

export function JobCard({
  job,
  takes,
  list,
  withLog,
  onHide,
}: {
  job: Job
  /** The takes it has made so far, given by whoever knows them. */
  takes?: ReactNode
  /** All active jobs, where this one may be moved among them. */
  list?: readonly Job[]
  withLog?: boolean
  onHide?: () => void
}) {
  const { t } = useTranslation('queue')
  const { cancel, retry, prioritise } = useJobActions()
  const left = useSecondsLeft(job)
  const title = job.title || t(`kinds.${job.kind}`)
  const up = list ? priorityFor(list, job.id, 'sooner') : null
  const down = list ? priorityFor(list, job.id, 'later') : null
  const waiting = job.state === 'queued' && list !== undefined
  return (
    <article className={clsx(styles.card, styles[job.state])} aria-label={title}>
      <header className={styles.head}>
        <div className={styles.names}>
          {job.song_id ? (
            <Link href={`/songs/${job.song_id}`} className={styles.title}>
              <bdi>{title}</bdi>
            </Link>
          ) : (
            <span className={styles.title}>
              <bdi>{title}</bdi>
            </span>
          )}
          <span className={styles.state}>
            <span aria-live="polite">{stageText(t, job)}</span>
            {job.kind === 'sing' ? null : <span>{t(`kinds.${job.kind}`)}</span>}
            {job.mine ? null : <span>{t('others')}</span>}
            {job.attempts > 1 && isActive(job) ? <span>{t('attempt', { number: job.attempts })}</span> : null}
          </span>
        </div>
        {left !== null && left >= 1 ? (
          <span className={styles.left}>{t('left', { time: clock(left) })}</span>
        ) : null}
        {waiting ? (
          <>
            <IconButton
              label={t('sooner')}
              size="small"
              isDisabled={up === null}
              onPress={() => {
                if (up !== null) prioritise.mutate({ id: job.id, priority: up })
              }}
            >
              <ArrowUp size={16} aria-hidden />
            </IconButton>
            <IconButton
              label={t('later')}
              size="small"
              isDisabled={down === null}
              onPress={() => {
                if (down !== null) prioritise.mutate({ id: job.id, priority: down })
              }}
            >
              <ArrowDown size={16} aria-hidden />
            </IconButton>
          </>
        ) : null}
        {isActive(job) ? (
          <IconButton
            label={t('cancel', { title })}
            size="small"
            isDisabled={job.cancel_requested}
            onPress={() => {
              cancel.mutate(job.id)
            }}
          >
            <X size={16} aria-hidden />
          </IconButton>
        ) : onHide ? (
          <IconButton label={t('remove')} size="small" onPress={onHide}>
            <X size={16} aria-hidden />
          </IconButton>
        ) : null}
      </header>
      {isActive(job) ? <Bars job={job} label={t('progress', { title })} /> : null}
      {job.state === 'failed' && job.error ? <Notice kind="bad">{job.error}</Notice> : null}
      {job.state === 'failed' || job.state === 'cancelled' ? (
        <div className={styles.actions}>
          <Button
            size="small"
            isDisabled={retry.isPending}
            onPress={() => {
              retry.mutate(job.id)
            }}
          >
            {t('retry')}
          </Button>
        </div>
      ) : null}
      {takes}
      {withLog ? <Log job={job} /> : null}
    </article>
  )
}
