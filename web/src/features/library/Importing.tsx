/** Audio files that become songs: chosen or dropped, sent one after the other, each with its progress. */
import { Upload } from 'lucide-react'
import { useEffect, useState } from 'react'
import { FileTrigger } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { useImport } from '@/api/keeping'
import { upload } from '@/api/mutations'
import { Button } from '@/components/Button'
import { Notice, Progress } from '@/components/feedback'
import { toast } from '@/lib/toasts'
import styles from './library.module.css'

interface Sending {
  name: string
  share: number
  error: string | null
}

export function useImporting() {
  const { t } = useTranslation('library')
  const importing = useImport()
  const [sending, setSending] = useState<Sending[]>([])

  const send = async (files: readonly File[]) => {
    const at = sending.length
    setSending((all) => [...all, ...files.map((file) => ({ name: file.name, share: 0, error: null }))])
    const tell = (index: number, change: Partial<Sending>) => {
      setSending((all) => all.map((one, place) => (place === at + index ? { ...one, ...change } : one)))
    }
    let brought = 0
    for (const [index, file] of files.entries()) {
      try {
        const sent = await upload(file, (share) => {
          tell(index, { share: share * 0.95 })
        })
        await importing.mutateAsync({
          upload_id: sent.id,
          title: file.name.replace(/\.[^.]+$/, '').slice(0, 200) || null,
        })
        tell(index, { share: 1 })
        brought += 1
      } catch (error) {
        tell(index, { error: error instanceof Error ? error.message : String(error) })
      }
    }
    if (brought) toast(t('imported', { count: brought }))
    setSending((all) => all.filter((one) => one.error !== null))
  }
  return {
    sending,
    send: (files: Iterable<File>) => void send([...files]),
    forget: () => {
      setSending([])
    },
  }
}

export type Importing = ReturnType<typeof useImporting>

export function ImportButton({ importing }: { importing: Importing }) {
  const { t } = useTranslation('library')
  return (
    <FileTrigger
      acceptedFileTypes={['audio/*', '.flac', '.wav', '.mp3', '.opus', '.ogg', '.m4a']}
      allowsMultiple
      onSelect={(files) => {
        if (files) importing.send(files)
      }}
    >
      <Button>
        <Upload size={16} aria-hidden /> {t('import')}
      </Button>
    </FileTrigger>
  )
}

export function ImportProgress({ importing }: { importing: Importing }) {
  const { t } = useTranslation('library')
  const { sending, forget } = importing
  const failed = sending.filter((one) => one.error !== null)
  const running = sending.filter((one) => one.error === null)
  if (!sending.length) return null
  return (
    <div className={styles.imports}>
      {running.map((one, index) => (
        <div key={index}>
          <span dir="auto">{one.name}</span>
          <Progress label={one.name} value={one.share} />
        </div>
      ))}
      {failed.length ? (
        <Notice kind="bad">
          {failed.map((one) => `${one.name}: ${one.error ?? ''}`).join('\n')}
          <div>
            <Button size="small" look="quiet" onPress={forget}>
              {t('common:close')}
            </Button>
          </div>
        </Notice>
      ) : null}
    </div>
  )
}

/** Files dropped anywhere in the page are brought in; the browser would open them otherwise. */
export function useFileDrop(take: (files: Iterable<File>) => void): boolean {
  const [over, setOver] = useState(false)
  useEffect(() => {
    const holds = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false
    const onOver = (event: DragEvent) => {
      if (!holds(event)) return
      event.preventDefault()
      setOver(true)
    }
    const onLeave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false)
    }
    const onDrop = (event: DragEvent) => {
      setOver(false)
      if (!holds(event)) return
      event.preventDefault()
      take(event.dataTransfer?.files ?? [])
    }
    window.addEventListener('dragover', onOver)
    window.addEventListener('dragleave', onLeave)
    window.addEventListener('drop', onDrop)
    return () => {
      window.removeEventListener('dragover', onOver)
      window.removeEventListener('dragleave', onLeave)
      window.removeEventListener('drop', onDrop)
    }
  })
  return over
}
