/** Stems of a take, played together: silence one, hear one alone, balance them, take them home. */
import { Download, Pause, Play } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Take } from '@/api/types'
import { takeAudio } from '@/api/urls'
import { Button } from '@/components/Button'
import { Clock } from '@/components/Clock'
import { Notice } from '@/components/feedback'
import { Slider } from '@/components/fields'
import { Waveform } from '@/components/Waveform'
import { usePeaks } from '@/api/queries'
import { usePlayer } from '@/features/player/store'
import type { Playhead } from '@/lib/playhead'
import { audible } from '@/lib/envelope'
import styles from './song.module.css'
import { useMixer } from './useMixer'
import { stemsOf, trackOf } from './versions'

interface Strip {
  muted: boolean
  alone: boolean
  db: number
}

const STRIP: Strip = { muted: false, alone: false, db: 0 }

function ChannelStrip({
  name,
  take,
  strip,
  change,
  head,
  seek,
}: {
  name: string
  take: Take
  strip: Strip
  change: (part: Partial<Strip>) => void
  head: Playhead
  seek: (atS: number) => void
}) {
  const { t } = useTranslation(['song', 'common'])
  const peaks = usePeaks(take.id)
  return (
    <li className={styles.strip}>
      <span className={styles.stripName}>{name}</span>
      <Waveform
        label={t('positionIn', { name })}
        peaks={peaks.data?.peaks}
        durationS={take.duration_s}
        head={head}
        bars={90}
        onSeek={seek}
        className={styles.stripWave}
      />
      <Button
        size="small"
        look={strip.muted ? 'primary' : 'secondary'}
        aria-label={t('mute', { name })}
        aria-pressed={strip.muted}
        onPress={() => {
          change({ muted: !strip.muted })
        }}
      >
        M
      </Button>
      <Button
        size="small"
        look={strip.alone ? 'primary' : 'secondary'}
        aria-label={t('alone', { name })}
        aria-pressed={strip.alone}
        onPress={() => {
          change({ alone: !strip.alone })
        }}
      >
        S
      </Button>
      <Slider
        label={t('gainOf', { name })}
        labelHidden
        value={strip.db}
        minValue={-24}
        maxValue={6}
        step={0.5}
        format={(value) => `${value.toFixed(1)} dB`}
        onChange={(db) => {
          change({ db })
        }}
        className={styles.stripGain}
      />
      <a
        className={styles.iconLink}
        href={takeAudio(take.id, { format: 'wav', download: true })}
        download
        aria-label={t('downloadOf', { name })}
      >
        <Download size={16} aria-hidden />
      </a>
    </li>
  )
}

export function StemsPanel({ takes, take }: { takes: readonly Take[]; take: Take }) {
  const { t } = useTranslation(['song', 'common'])
  const [open, setOpen] = useState(false)
  const [strips, setStrips] = useState<Record<string, Strip>>({})
  const stems = stemsOf(takes, take.id)
  const parted = stems.some((one) => one.kind === 'extract')
  const channels = stems.length ? [take, ...stems] : []
  // What was taken out of the mix would sound twice: the mix is silent until asked for.
  const stripOf = (id: string): Strip => strips[id] ?? { ...STRIP, muted: parted && id === take.id }
  const { mixer, state, head, playing } = useMixer(
    channels.map((one) => ({ id: one.id, url: takeAudio(one.id) })),
    open,
  )
  const levels = JSON.stringify(channels.map((one) => ({ id: one.id, ...stripOf(one.id) })))
  useEffect(() => {
    if (state !== 'ready') return
    const all = JSON.parse(levels) as (Strip & { id: string })[]
    const heard = audible(all)
    for (const one of all) mixer.current?.setGain(one.id, one.db, heard.has(one.id))
  }, [levels, state, mixer])

  const name = (one: Take) => {
    if (one.id === take.id) return t('theMix')
    const track = trackOf(one)
    return one.title || (track ? t(`tracks.${track}` as 'tracks.vocals') : one.kind)
  }
  if (!stems.length) return <p className="quiet">{t('noStems')}</p>
  return (
    <div className={styles.panel}>
      <div className={styles.buttons}>
        <Button
          look="primary"
          onPress={() => {
            setOpen(true)
            if (state !== 'ready') return
            usePlayer.getState().pause()
            if (playing) mixer.current?.pause()
            else mixer.current?.play(head.get())
          }}
          isDisabled={state === 'loading'}
        >
          {playing ? <Pause size={16} aria-hidden /> : <Play size={16} aria-hidden />}
          {state === 'off' ? t('loadStems') : state === 'loading' ? t('common:loading') : t('together')}
        </Button>
        <span className="num quiet">
          <Clock head={head} />
        </span>
      </div>
      {state === 'failed' ? <Notice kind="bad">{t('notDecoded')}</Notice> : null}
      <ul className={styles.strips}>
        {channels.map((one) => (
          <ChannelStrip
            key={one.id}
            name={name(one)}
            take={one}
            strip={stripOf(one.id)}
            change={(part) => {
              setStrips({ ...strips, [one.id]: { ...stripOf(one.id), ...part } })
            }}
            head={head}
            seek={(at) => mixer.current?.seek(at)}
          />
        ))}
      </ul>
    </div>
  )
}
