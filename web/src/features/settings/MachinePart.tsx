/** This machine: what it has, what of it is used, and a report to paste. */
import { Copy } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { useMachine } from '@/api/queries'
import { Button } from '@/components/Button'
import { Notice } from '@/components/feedback'
import { bytes } from '@/lib/format'
import { toast } from '@/lib/toasts'
import styles from './settings.module.css'

function Share({ label, used, total }: { label: string; used: number; total: number }) {
  const { i18n } = useTranslation()
  const share = total > 0 ? Math.min(1, used / total) : 0
  return (
    <div className={styles.share}>
      <span className={styles.shareHead}>
        <span>{label}</span>
        <span className="num quiet">
          {bytes(used, i18n.language)} / {bytes(total, i18n.language)}
        </span>
      </span>
      <span
        className={styles.meter}
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
      >
        <span style={{ width: `${share * 100}%` }} />
      </span>
    </div>
  )
}

export function MachinePart() {
  const { t, i18n } = useTranslation(['settings', 'common'])
  const machine = useMachine()
  const known = machine.data
  if (machine.isError) return <Notice kind="bad">{machine.error.message}</Notice>
  if (!known) return null
  const rows: [string, string][] = [
    [t('device'), known.device],
    [t('cores'), String(known.cores)],
    [t('worker'), t(`workers.${known.worker}`)],
    [t('resident'), known.resident.length ? known.resident.join(', ') : t('none')],
    [t('library'), `${t('songCount', { count: known.songs })}, ${bytes(known.library_bytes, i18n.language)}`],
    [t('diskFree'), bytes(known.disk_free_bytes, i18n.language)],
    ...(known.data_folder ? [[t('folder'), known.data_folder] as [string, string]] : []),
    [t('version'), known.version],
  ]
  return (
    <section className={styles.section}>
      <h2>{t('parts.machine')}</h2>
      {known.worker === 'down' ? <Notice kind="warn">{t('workerDown')}</Notice> : null}
      <Share
        label={t('memory')}
        used={known.memory_bytes - known.memory_free_bytes}
        total={known.memory_bytes}
      />
      <dl className={styles.facts}>
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <div className={styles.reportHead}>
        <h3>{t('report')}</h3>
        <Button
          size="small"
          onPress={() => {
            void navigator.clipboard.writeText(known.report).then(() => toast(t('copied')))
          }}
        >
          <Copy size={15} aria-hidden /> {t('copy')}
        </Button>
      </div>
      <p className="quiet">{t('reportText')}</p>
      {/* Scrolls sideways, so it must be reachable by keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre className={styles.report} tabIndex={0} aria-label={t('report')}>
        {known.report}
      </pre>
    </section>
  )
}
