/** The player at full size: waveform with sections, words that follow, and what comes next. */
import { GripVertical, X } from 'lucide-react'
import { useState } from 'react'
import { Button, GridList, GridListItem, useDragAndDrop } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { ButtonLink, IconButton } from '@/components/Button'
import { Clock } from '@/components/Clock'
import { Cover, Empty } from '@/components/feedback'
import { Segments } from '@/components/fields'
import { LyricsFollow } from '@/components/LyricsFollow'
import { Waveform } from '@/components/Waveform'
import { spanOf } from '@/lib/envelope'
import { clock } from '@/lib/format'
import { moved } from '@/lib/lists'
import { useAt } from '@/lib/playhead'
import { sectionAt } from '@/lib/sync'
import clsx from 'clsx'
import { useShallow } from 'zustand/react/shallow'
import styles from './player.module.css'
import { playedSpan, playhead, usePlayer, type Track } from './store'
import { Modes, Steps, Volume } from './Transport'
import { useTrackFacts } from './useTrackFacts'

function Sections() {
  const { t } = useTranslation('player')
  const { take } = useTrackFacts()
  const span = usePlayer(useShallow(playedSpan))
  const lengthS = span.endS - span.startS
  const all = take?.sections ?? []
  const sections = all.filter((one) => one.end_s > span.startS && one.start_s < span.endS)
  const current = useAt(playhead, (positionS) => sectionAt(sections, positionS))
  if (!sections.length || lengthS <= 0) return null
  return (
    <div className={styles.sections} role="group" aria-label={t('sections')}>
      {sections.map((section, index) => (
        <button
          key={`${section.start_s}-${section.name}`}
          type="button"
          aria-current={index === current ? 'true' : undefined}
          className={styles.section}
          style={{
            left: `${((Math.max(section.start_s, span.startS) - span.startS) / lengthS) * 100}%`,
            width: `${((Math.min(section.end_s, span.endS) - Math.max(section.start_s, span.startS)) / lengthS) * 100}%`,
          }}
          onClick={() => {
            usePlayer.getState().seek(section.start_s)
          }}
        >
          {section.name}
        </button>
      ))}
    </div>
  )
}

function UpNext() {
  const { t } = useTranslation('player')
  const { queue, index, track, reorder, removeFromQueue, play } = usePlayer()
  // The same song may wait twice: places are named by number.
  const places = queue.map((one, at) => ({ id: String(at), at, one }))
  const { dragAndDropHooks } = useDragAndDrop({
    getItems: (keys) => [...keys].map((key) => ({ 'text/plain': queue[Number(key)]?.title ?? '' })),
    onReorder: ({ keys, target }) => {
      reorder(
        moved(queue, new Set([...keys].map(Number)), Number(target.key), target.dropPosition === 'after'),
      )
    },
  })
  const again = (one: Track, at: number) => {
    play(one, queue)
    usePlayer.setState({ index: at })
  }
  return (
    <GridList
      aria-label={t('upNext')}
      items={places}
      dragAndDropHooks={dragAndDropHooks}
      className={styles.queue}
      onAction={(key) => {
        const one = queue[Number(key)]
        if (one) again(one, Number(key))
      }}
      renderEmptyState={() => <p className="quiet">{t('queueEmpty')}</p>}
    >
      {({ at, one }) => {
        const sounding = at === index && one.takeId === track?.takeId
        return (
          <GridListItem
            id={String(at)}
            textValue={one.title}
            className={clsx(styles.queued, sounding && styles.sounding)}
          >
            <Button slot="drag" className={styles.grip} aria-label={t('move', { title: one.title })}>
              <GripVertical size={15} aria-hidden />
            </Button>
            <Cover seed={one.songId} src={one.artwork ?? null} size="2.25rem" />
            <span className={styles.words}>
              <span className={styles.title} dir="auto">
                {one.title}
              </span>
              <span className={styles.subtitle} dir="auto">
                {one.subtitle}
              </span>
            </span>
            <span className="num quiet">{clock(one.durationS)}</span>
            <IconButton
              size="small"
              label={t('remove', { title: one.title })}
              isDisabled={at === index}
              onPress={() => {
                removeFromQueue(at)
              }}
            >
              <X size={15} aria-hidden />
            </IconButton>
          </GridListItem>
        )
      }}
    </GridList>
  )
}

export function PlayerPage() {
  const { t } = useTranslation('player')
  const [side, setSide] = useState<'lyrics' | 'queue'>('lyrics')
  const track = usePlayer((state) => state.track)
  const durationS = usePlayer((state) => state.durationS)
  const loop = usePlayer((state) => state.loop)
  const seek = usePlayer((state) => state.seek)
  const { song, take, peaks } = useTrackFacts()
  const span = spanOf(track?.edit, durationS)

  if (!track)
    return (
      <Empty title={t('nothing')} action={<ButtonLink href="/library">{t('toLibrary')}</ButtonLink>}>
        {t('nothingText')}
      </Empty>
    )

  const lines = take?.lines ?? []
  const words = song?.lyrics ?? ''
  return (
    <div className={styles.page}>
      <div className={styles.now}>
        <Cover seed={track.songId} src={track.artwork ?? null} className={styles.bigCover} />
        <div>
          <h1>
            <Link to={`/songs/${track.songId}`} className={styles.bigTitle} dir="auto">
              {song?.title ?? track.title}
            </Link>
          </h1>
          <p className="quiet" dir="auto">
            {track.subtitle}
          </p>
        </div>
        <div>
          <Waveform
            label={t('position')}
            peaks={peaks}
            durationS={durationS}
            head={playhead}
            span={span}
            range={loop}
            bars={120}
            onSeek={seek}
            className={styles.bigWave}
          />
          <Sections />
          <div className={styles.times}>
            <span className="num quiet">
              <Clock head={playhead} fromS={span.startS} />
            </span>
            <span className="num quiet">{clock(span.endS - span.startS)}</span>
          </div>
        </div>
        <div className={styles.controls}>
          <Steps />
          <Modes />
          <Volume />
        </div>
      </div>
      <div className={styles.side}>
        <Segments
          label={t('lyricsAndQueue')}
          value={side}
          onChange={setSide}
          options={[
            { value: 'lyrics', label: t('lyrics') },
            { value: 'queue', label: t('upNext') },
          ]}
        />
        {side === 'queue' ? (
          <UpNext />
        ) : lines.length || words ? (
          <LyricsFollow
            large
            label={t('lyrics')}
            lines={lines}
            lyrics={words}
            head={playhead}
            onPick={(index) => {
              const line = lines[index]
              if (line) seek(line.start_s)
            }}
          />
        ) : (
          <p className="quiet">{t('noLyrics')}</p>
        )}
      </div>
    </div>
  )
}
