/** A sound to borrow from: dropped, pasted or chosen, then uploaded at once. */
import { AudioLines, Upload as UploadIcon, X } from 'lucide-react'
import { useState } from 'react'
import { Button as AriaButton, DropZone, FileTrigger, Text } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { upload } from '@/api/mutations'
import { IconButton } from '@/components/Button'
import { Progress } from '@/components/feedback'
import { clock } from '@/lib/format'
import { toast } from '@/lib/toasts'
import type { Reference } from './draft'
import styles from './compose.module.css'

const SOUNDS = ['audio/*', '.flac', '.wav', '.mp3', '.ogg', '.opus', '.m4a', '.aac']

export function ReferenceField({
  value,
  onChange,
}: {
  value: Reference | null
  onChange: (value: Reference | null) => void
}) {
  const { t } = useTranslation('compose')
  const [sending, setSending] = useState<{ name: string; share: number } | null>(null)

  const send = async (file: File) => {
    if (file.type && !/^(audio|video)\//.test(file.type)) {
      toast(t('referenceBad', { name: file.name }))
      return
    }
    setSending({ name: file.name, share: 0 })
    try {
      const stored = await upload(file, (share) => {
        setSending({ name: file.name, share })
      })
      onChange({ sha256: stored.sha256, name: stored.name, durationS: stored.duration_s })
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error))
    } finally {
      setSending(null)
    }
  }

  if (value)
    return (
      <div className={styles.reference}>
        <AudioLines size={18} aria-hidden />
        <span className={styles.referenceName}>{value.name || t('reference')}</span>
        <span className="num quiet">{clock(value.durationS)}</span>
        <IconButton
          label={t('referenceRemove')}
          size="small"
          onPress={() => {
            onChange(null)
          }}
        >
          <X size={16} aria-hidden />
        </IconButton>
      </div>
    )
  if (sending)
    return (
      <div className={styles.reference}>
        <div className={styles.referenceName}>
          {t('referenceUploading', { name: sending.name })}
          <Progress label={t('referenceUploading', { name: sending.name })} value={sending.share} />
        </div>
      </div>
    )
  return (
    <DropZone
      className={styles.drop}
      onDrop={(event) => {
        for (const item of event.items)
          if (item.kind === 'file') {
            void item.getFile().then(send)
            break
          }
      }}
    >
      <FileTrigger
        acceptedFileTypes={SOUNDS}
        onSelect={(files) => {
          const file = files?.[0]
          if (file) void send(file)
        }}
      >
        <AriaButton className={styles.dropButton}>
          <UploadIcon size={18} aria-hidden />
          <Text slot="label">{t('referenceDrop')}</Text>
        </AriaButton>
      </FileTrigger>
      <p className={styles.small}>{t('referenceHint')}</p>
    </DropZone>
  )
}
