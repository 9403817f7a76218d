/** The way out: a take in any format, whole or in part; its words; everything of the song at once. */
import { Download, FileArchive, FileText, Scissors } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSelection } from '@/api/keeping'
import type { Song, Take } from '@/api/types'
import { songZip, takeAudio, takeLyrics, type Format } from '@/api/urls'
import { Button, ButtonLink } from '@/components/Button'
import { Select, Switch } from '@/components/fields'
import { toast } from '@/lib/toasts'
import { isPlain } from '@/lib/envelope'
import type { Region } from './region'
import styles from './song.module.css'
import { exactClock } from './TimeField'

const FORMATS: readonly Format[] = ['flac', 'wav', 'mp3', 'opus', 'm4a']

export function ExportPanel({
  song,
  take,
  region,
  show,
}: {
  song: Song
  take: Take
  region: Region | null
  show: (takeId: string) => void
}) {
  const { t } = useTranslation(['song', 'common'])
  const [format, setFormat] = useState<Format>('flac')
  const [part, setPart] = useState(false)
  const [plain, setPlain] = useState(false)
  const select = useSelection(song.id)
  const span = part && region ? region : null
  return (
    <div className={styles.panel}>
      <Select
        label={t('format')}
        value={format}
        onChange={(chosen) => {
          if (chosen) setFormat(chosen)
        }}
        options={FORMATS.map((one) => ({
          value: one,
          label: one.toUpperCase(),
          description: t(`formats.${one}`),
        }))}
      />
      <Switch isSelected={part && region !== null} onChange={setPart} isDisabled={!region}>
        {region
          ? t('onlyRegion', { from: exactClock(region.startS), to: exactClock(region.endS) })
          : t('onlyRegionNone')}
      </Switch>
      {isPlain(take.edit) ? null : (
        <Switch isSelected={plain} onChange={setPlain}>
          {t('plain')}
        </Switch>
      )}
      <div className={styles.buttons}>
        <ButtonLink
          look="primary"
          href={takeAudio(take.id, {
            format,
            download: true,
            ...(plain ? { plain } : {}),
            ...(span ? { startS: span.startS, endS: span.endS } : {}),
          })}
          download
        >
          <Download size={16} aria-hidden /> {t('download')}
        </ButtonLink>
        {take.lines.length ? (
          <ButtonLink href={takeLyrics(take.id)} download>
            <FileText size={16} aria-hidden /> {t('lrc')}
          </ButtonLink>
        ) : null}
        <ButtonLink href={songZip(song.id)} download>
          <FileArchive size={16} aria-hidden /> {t('zip')}
        </ButtonLink>
        <Button
          isDisabled={!region || !song.mine || select.isPending}
          onPress={() => {
            if (!region) return
            select.mutate(
              { takeId: take.id, body: { start_s: region.startS, end_s: region.endS } },
              {
                onSuccess: (made) => {
                  toast(t('selectionMade'), {
                    label: t('show'),
                    run: () => {
                      show(made.id)
                    },
                  })
                },
              },
            )
          }}
        >
          <Scissors size={16} aria-hidden /> {t('asVersion')}
        </Button>
      </div>
      <p className={styles.small}>{t('marked')}</p>
    </div>
  )
}
