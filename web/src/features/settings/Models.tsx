/** The catalogue: what is here, what it takes on disk, what can be fetched, and how far a download is. */
import { Download, Trash2, X } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useModelActions } from '@/api/keeping'
import { useJobActions } from '@/api/mutations'
import { useJob, useModels } from '@/api/queries'
import type { Model } from '@/api/types'
import { Button, IconButton } from '@/components/Button'
import { Confirm } from '@/components/Dialog'
import { Notice, Progress } from '@/components/feedback'
import { bytes, clock } from '@/lib/format'
import styles from './settings.module.css'

function Pulling({ jobId, name }: { jobId: string; name: string }) {
  const { t } = useTranslation(['settings', 'common'])
  const job = useJob(jobId)
  const { cancel } = useJobActions()
  const { state, step = 0, steps = 0, seconds_left: left = null } = job.data ?? {}
  const share = steps > 0 ? step / steps : null
  return (
    <div className={styles.pulling}>
      <Progress
        label={t('pullingOf', { name })}
        value={state === 'running' ? share : state === 'queued' ? 0 : share}
      />
      <span className="num quiet" role="status">
        {state === 'queued' ? t('waiting') : share === null ? '' : `${Math.round(share * 100)} %`}
        {left ? ` · ${clock(left)}` : ''}
      </span>
      <IconButton
        size="small"
        label={t('common:cancel')}
        onPress={() => {
          cancel.mutate(jobId)
        }}
      >
        <X size={16} aria-hidden />
      </IconButton>
    </div>
  )
}

function ModelRow({ model, admin, onRemove }: { model: Model; admin: boolean; onRemove: () => void }) {
  const { t, i18n } = useTranslation(['settings', 'song'])
  const { pull } = useModelActions()
  return (
    <li className={styles.model}>
      <div className={styles.modelHead}>
        <h3>{model.name}</h3>
        {model.here ? <span className={styles.here}>{t(model.bundled ? 'bundled' : 'here')}</span> : null}
        <span className="num quiet">{bytes(model.on_disk_bytes ?? model.size_bytes, i18n.language)}</span>
        <span className={styles.end}>
          {model.pulling ? null : model.here ? (
            !model.removable || !admin ? null : (
              <Button size="small" look="danger" onPress={onRemove}>
                <Trash2 size={15} aria-hidden /> {t('remove')}
              </Button>
            )
          ) : admin ? (
            <Button
              size="small"
              isDisabled={pull.isPending}
              onPress={() => {
                pull.mutate(model.name)
              }}
            >
              <Download size={15} aria-hidden /> {t('pull')}
            </Button>
          ) : null}
        </span>
      </div>
      <p className="quiet">{model.about}</p>
      <p className={styles.small}>
        {[
          model.licence,
          model.tasks.length ? model.tasks.join(', ') : null,
          model.fits === false ? t('tooLarge') : null,
        ]
          .filter(Boolean)
          .join(' · ')}
      </p>
      {model.pulling ? <Pulling jobId={model.pulling} name={model.name} /> : null}
    </li>
  )
}

export function Models({ admin }: { admin: boolean }) {
  const { t, i18n } = useTranslation('settings')
  const models = useModels()
  const { remove } = useModelActions()
  const [removing, setRemoving] = useState<Model | null>(null)
  const all = models.data ?? []
  const here = all.filter((one) => one.here || one.pulling)
  const others = all.filter((one) => !one.here && !one.pulling)
  const used = here.reduce((sum, one) => sum + (one.on_disk_bytes ?? 0), 0)
  const list = (some: Model[]) => (
    <ul className={styles.models}>
      {some.map((one) => (
        <ModelRow
          key={one.name}
          model={one}
          admin={admin}
          onRemove={() => {
            setRemoving(one)
          }}
        />
      ))}
    </ul>
  )
  return (
    <>
      {models.isError ? <Notice kind="bad">{models.error.message}</Notice> : null}
      <section className={styles.section}>
        <h2>{t('modelsHere')}</h2>
        <p className="quiet">{t('onDisk', { size: bytes(used, i18n.language) })}</p>
        {list(here)}
      </section>
      {others.length ? (
        <section className={styles.section}>
          <h2>{t('modelsOther')}</h2>
          <p className="quiet">{t('pullText')}</p>
          {list(others)}
        </section>
      ) : null}
      <Confirm
        title={t('removeOf', { name: removing?.name })}
        isOpen={removing !== null}
        onOpenChange={(open) => {
          if (!open) setRemoving(null)
        }}
        action={t('remove')}
        onConfirm={() => {
          if (removing) remove.mutate(removing.name)
        }}
      >
        {t('removeText', { size: bytes(removing?.on_disk_bytes, i18n.language) })}
      </Confirm>
    </>
  )
}
