/** Trim, fades and gain. The sound itself stays as it is; the player and every export follow what is set here. */
import { Pause, Play } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useTakeActions } from '@/api/mutations'
import type { Take, TakeEdit } from '@/api/types'
import { takeAudio } from '@/api/urls'
import { Button } from '@/components/Button'
import { Notice } from '@/components/feedback'
import { Slider } from '@/components/fields'
import { usePlayer } from '@/features/player/store'
import { toast } from '@/lib/toasts'
import { isPlain, PLAIN, played } from '@/lib/envelope'
import type { Region } from './region'
import styles from './song.module.css'
import { TimeField } from './TimeField'
import { useMixer } from './useMixer'

const seconds = (value: number) => `${value.toFixed(1)} s`

export function SoundPanel({
  take,
  region,
  onTrim,
  isDisabled,
}: {
  take: Take
  region: Region | null
  /** What is shown as left out while it is being set; undefined at the end. */
  onTrim: (trim: Region | null | undefined) => void
  isDisabled: boolean
}) {
  const { t } = useTranslation(['song', 'common'])
  const { change } = useTakeActions(take.song_id)
  const [edit, setEdit] = useState<TakeEdit>(take.edit)
  const [previewing, setPreviewing] = useState(false)
  const { mixer, state, playing } = useMixer([{ id: take.id, url: takeAudio(take.id) }], previewing)
  const set = (part: Partial<TakeEdit>) => {
    setEdit({ ...edit, ...part })
  }
  const startS = edit.start_s ?? 0
  const endS = edit.end_s ?? take.duration_s
  const changed = JSON.stringify(edit) !== JSON.stringify(take.edit)

  useEffect(() => {
    onTrim(startS > 0 || endS < take.duration_s ? { startS, endS } : null)
    return () => {
      onTrim(undefined)
    }
  }, [startS, endS, take.duration_s, onTrim])

  // The preview starts by itself once its sound is there, and again when something is turned.
  const shape = JSON.stringify(edit)
  useEffect(() => {
    if (!previewing || state !== 'ready') return
    usePlayer.getState().pause()
    mixer.current?.play(0, played(JSON.parse(shape) as TakeEdit, take.duration_s))
  }, [previewing, state, shape, take.duration_s, mixer])

  const save = (next: TakeEdit) => {
    const before = take.edit
    change.mutate(
      { id: take.id, patch: { edit: next } },
      {
        onSuccess: () => {
          toast(t('soundSaved'), {
            label: t('common:undo'),
            run: () => {
              setEdit(before)
              change.mutate({ id: take.id, patch: { edit: before } })
            },
          })
        },
      },
    )
  }

  return (
    <div className={styles.panel}>
      <p className="quiet">{t('soundAbout')}</p>
      <div className={styles.pair}>
        <TimeField
          label={t('begin')}
          value={startS}
          isDisabled={isDisabled}
          onChange={(value) => {
            set({ start_s: value <= 0 ? null : Math.min(value, endS - 0.1) })
          }}
        />
        <TimeField
          label={t('end')}
          value={endS}
          isDisabled={isDisabled}
          onChange={(value) => {
            set({ end_s: value >= take.duration_s ? null : Math.max(value, startS + 0.1) })
          }}
        />
      </div>
      <Button
        size="small"
        isDisabled={!region || isDisabled}
        onPress={() => {
          if (region)
            set({
              start_s: region.startS > 0 ? region.startS : null,
              end_s: region.endS < take.duration_s ? region.endS : null,
            })
        }}
      >
        {t('trimToRegion')}
      </Button>
      <Slider
        label={t('fadeIn')}
        value={edit.fade_in_s ?? 0}
        maxValue={15}
        step={0.1}
        format={seconds}
        isDisabled={isDisabled}
        onChange={(value) => {
          set({ fade_in_s: value })
        }}
      />
      <Slider
        label={t('fadeOut')}
        value={edit.fade_out_s ?? 0}
        maxValue={15}
        step={0.1}
        format={seconds}
        isDisabled={isDisabled}
        onChange={(value) => {
          set({ fade_out_s: value })
        }}
      />
      <Slider
        label={t('gain')}
        value={edit.gain_db ?? 0}
        minValue={-24}
        maxValue={12}
        step={0.5}
        format={(value) => `${value > 0 ? '+' : ''}${value.toFixed(1)} dB`}
        isDisabled={isDisabled}
        onChange={(value) => {
          set({ gain_db: value })
        }}
      />
      {state === 'failed' ? <Notice kind="bad">{t('notDecoded')}</Notice> : null}
      <div className={styles.buttons}>
        <Button
          onPress={() => {
            if (previewing) mixer.current?.pause()
            setPreviewing(!previewing || !playing)
            if (previewing && !playing) mixer.current?.play(0, played(edit, take.duration_s))
          }}
        >
          {previewing && playing ? <Pause size={16} aria-hidden /> : <Play size={16} aria-hidden />}
          {previewing && state === 'loading' ? t('common:loading') : t(playing ? 'stopPreview' : 'preview')}
        </Button>
        <Button
          look="quiet"
          isDisabled={isPlain(edit) || isDisabled}
          onPress={() => {
            setEdit(PLAIN)
          }}
        >
          {t('asMade')}
        </Button>
        <Button
          look="primary"
          isDisabled={!changed || isDisabled}
          onPress={() => {
            save(edit)
          }}
        >
          {t('save')}
        </Button>
      </div>
    </div>
  )
}
