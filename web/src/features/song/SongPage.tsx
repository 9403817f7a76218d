/**
 * A song: its waveform, its words, everything that can be made of it, and all its versions.
 *
 * The page shows one take, named in the address; every tool starts from that one. Making another version never changes
 * what is there, so undo is going back to an earlier version.
 */
import {
  Ellipsis,
  Heart,
  Pause,
  Play,
  Repeat2,
  RotateCcw,
  Tags,
  Trash2,
  Undo2,
  Users,
  X,
  ZoomIn,
} from 'lucide-react'
import { lazy, Suspense, useCallback, useEffect, useRef, useState, type ReactNode } from 'react'
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { Link, useNavigate, useSearchParams } from 'react-router'
import { isActive } from '@/api/events'
import { useSongActions, useTakeActions } from '@/api/mutations'
import { useJobs, useMe, usePeaks, useSong } from '@/api/queries'
import type { Job, Song, Take } from '@/api/types'
import { artwork, songZip } from '@/api/urls'
import { Button, ButtonLink, IconButton } from '@/components/Button'
import { Clock } from '@/components/Clock'
import { Cover, Empty, Notice } from '@/components/feedback'
import { Slider } from '@/components/fields'
import { InlineEdit } from '@/components/InlineEdit'
import { LyricsFollow } from '@/components/LyricsFollow'
import { Menu } from '@/components/Menu'
import { Stars } from '@/components/Stars'
import { playhead, positionNow, takeTrack, usePlayer } from '@/features/player/store'
import { clock, languageName } from '@/lib/format'
import { spanOf as playedOf } from '@/lib/envelope'
import { RESTING } from '@/lib/playhead'
import { spanOf } from '@/lib/sync'
import { toast } from '@/lib/toasts'
import { ExportPanel } from './ExportPanel'
import { Recipe } from './Recipe'
import { joined, tidy, withEnd, withStart, type Region } from './region'
import { wordsOf } from './requests'
import { SoundPanel } from './SoundPanel'
import styles from './song.module.css'
import { StemsPanel } from './StemsPanel'
import { TagField } from './TagField'
import { TimeField } from './TimeField'
import { ToolPanel } from './ToolPanel'
import { Versions } from './Versions'
import { numberIn } from './versions'

const BigWave = lazy(() => import('./BigWave').then((part) => ({ default: part.BigWave })))

const NONE: Region | null = null

interface Around {
  songId: string
  takes: ReactNode
  /** How a job of this song is shown. */
  jobCard: (job: Job) => ReactNode
}

function Header({ song }: { song: Song }) {
  const { t, i18n } = useTranslation(['song', 'common', 'library', 'player'])
  const navigate = useNavigate()
  const me = useMe()
  const { change, trash, restore, duplicate } = useSongActions()
  const [tagging, setTagging] = useState(false)
  const patch = (part: Parameters<typeof change.mutate>[0]['patch']) => {
    change.mutate({ id: song.id, patch: part })
  }
  const discard = () => {
    trash.mutate(song.id, {
      onSuccess: () => {
        void navigate('/library')
        toast(t('library:trashed', { title: song.title }), {
          label: t('common:undo'),
          run: () => {
            restore.mutate(song.id)
          },
        })
      },
    })
  }
  const facts = [
    song.bpm ? `${song.bpm} BPM` : null,
    song.key,
    song.meter ? `${song.meter}/${song.meter === 6 ? 8 : 4}` : null,
    song.language && song.language !== 'unknown' ? languageName(song.language, i18n.language) : null,
    song.model,
  ].filter(Boolean)
  return (
    <header className={styles.header}>
      <Cover seed={song.id} src={artwork(song)} className={styles.cover} />
      <div className={styles.headWords}>
        <h1>
          <InlineEdit
            label={t('library:rename')}
            value={song.title}
            isDisabled={!song.mine}
            onSave={(title) => {
              patch({ title, revision: song.revision })
            }}
          />
        </h1>
        <p className={styles.caption} dir="auto">
          {song.caption}
        </p>
        <p className={styles.facts}>
          {facts.map((fact) => (
            <span key={fact} className="num">
              {fact}
            </span>
          ))}
        </p>
        {song.parent_song_id ? (
          <p className={styles.small}>
            <Link to={`/songs/${song.parent_song_id}`}>{t('madeFrom')}</Link>
          </p>
        ) : null}
        <TagField
          song={song}
          open={tagging}
          close={() => {
            setTagging(false)
          }}
        />
      </div>
      <div className={styles.headActions}>
        {song.mine ? (
          <Stars
            label={t('library:ratingOf', { title: song.title })}
            value={song.rating}
            onChange={(rating) => {
              patch({ rating })
            }}
          />
        ) : null}
        <IconButton
          label={t(song.favourite ? 'player:unlike' : 'player:like')}
          on={song.favourite}
          isDisabled={!song.mine}
          onPress={() => {
            patch({ favourite: !song.favourite })
          }}
        >
          <Heart size={18} fill={song.favourite ? 'currentColor' : 'none'} aria-hidden />
        </IconButton>
        <Menu
          label={t('common:more')}
          trigger={
            <IconButton label={t('common:more')}>
              <Ellipsis size={18} aria-hidden />
            </IconButton>
          }
          entries={[
            song.mine && {
              id: 'tags',
              label: t('library:editTags'),
              icon: <Tags size={16} aria-hidden />,
              onAction: () => {
                setTagging(true)
              },
            },
            {
              id: 'copy',
              label: t('library:duplicate'),
              onAction: () => {
                duplicate.mutate(song.id, { onSuccess: (made) => void navigate(`/songs/${made.id}`) })
              },
            },
            { id: 'zip', label: t('library:downloadAll'), href: songZip(song.id), download: true },
            song.mine &&
              me.data?.open === false && {
                id: 'share',
                label: t(song.shared ? 'library:unshare' : 'library:share'),
                icon: <Users size={16} aria-hidden />,
                onAction: () => {
                  patch({ shared: !song.shared })
                },
              },
            song.mine && 'separator',
            song.mine && {
              id: 'trash',
              label: t('library:toTrash'),
              icon: <Trash2 size={16} aria-hidden />,
              danger: true,
              onAction: discard,
            },
          ]}
        />
      </div>
    </header>
  )
}

/** Makes known when a take arrives that was asked for from this page, and offers to go there. */
function useArrivals(song: Song | undefined, show: (takeId: string) => void): void {
  const { t } = useTranslation('song')
  const known = useRef<Set<string> | null>(null)
  useEffect(() => {
    if (!song) return
    const ids = new Set(song.all_takes.map((take) => take.id))
    const before = known.current
    known.current = ids
    if (!before) return
    const fresh = song.all_takes.filter((take) => !before.has(take.id) && take.kind !== 'selection')
    const last = fresh.at(-1)
    if (last?.parent_id)
      toast(t('arrived', { number: numberIn(song.all_takes, last.id) }), {
        label: t('show'),
        run: () => {
          show(last.id)
        },
      })
  }, [song, show, t])
}

/** What is played of a take, where that is not all. */
function trimOf({ edit, duration_s: durationS }: Take): Region | null {
  const span = playedOf(edit, durationS)
  return span.startS > 0 || span.endS < durationS ? span : null
}

function Loaded({
  song,
  take,
  around,
  show,
}: {
  song: Song
  take: Take
  around: Around
  show: (id: string) => void
}) {
  const { t } = useTranslation(['song', 'common', 'takes', 'player'])
  const { change } = useSongActions()
  const { restore } = useTakeActions(song.id)
  const peaks = usePeaks(take.id)
  const [zoom, setZoom] = useState(0)
  const [region, setRegion] = useState(NONE)
  // undefined: nothing is being set, and what is kept is shown.
  const [trim, setTrim] = useState<Region | null | undefined>()
  const [picked, setPicked] = useState<number | null>(null)
  const loaded = usePlayer((state) => state.track?.takeId === take.id)
  const playing = usePlayer((state) => state.playing && state.track?.takeId === take.id)
  const head = loaded ? playhead : RESTING
  const loop = usePlayer((state) => (state.track?.takeId === take.id ? state.loop : null))
  const { durationS, parent } = {
    durationS: take.duration_s,
    parent: song.all_takes.find((one) => one.id === take.parent_id),
  }
  const number = numberIn(song.all_takes, take.id)

  const toggle = () => {
    const player = usePlayer.getState()
    if (loaded) player.toggle()
    else player.play(takeTrack(song, take))
  }
  const seek = (atS: number) => {
    const player = usePlayer.getState()
    if (!loaded) player.play(takeTrack(song, take))
    player.seek(atS)
  }
  const pick = (index: number, extend: boolean) => {
    const span = spanOf(take.lines, extend && picked !== null ? picked : index, index)
    if (!span) return
    const chosen = tidy(span, durationS)
    setRegion(extend && region ? tidy(joined(region, chosen), durationS) : chosen)
    if (!extend) setPicked(index)
    if (loaded) usePlayer.getState().seek(chosen.startS)
  }
  const back = () => {
    if (!parent) return
    show(parent.id)
    if (song.mine && song.chosen_take_id === take.id)
      change.mutate({ id: song.id, patch: { chosen_take_id: parent.id } })
  }

  return (
    <>
      <section className={styles.wave} aria-label={t('waveform')}>
        <div className={styles.waveHead}>
          <Button look="primary" onPress={toggle}>
            {playing ? (
              <Pause size={16} fill="currentColor" aria-hidden />
            ) : (
              <Play size={16} fill="currentColor" aria-hidden />
            )}
            {playing ? t('common:pause') : t('common:play')}
          </Button>
          <h2 dir="auto">{take.title || t('takes:take', { number })}</h2>
          <span className="quiet">
            {t(`takes:kinds.${take.kind}` as 'takes:kinds.compose')}
            {parent ? ` ${t('takes:editedFrom', { number: numberIn(song.all_takes, parent.id) })}` : ''}
          </span>
          <span className={styles.waveEnd}>
            {parent ? (
              <Button size="small" onPress={back}>
                <Undo2 size={15} aria-hidden />
                {t('goBack', { number: numberIn(song.all_takes, parent.id) })}
              </Button>
            ) : null}
            {take.discarded_at && song.mine ? (
              <Button
                size="small"
                onPress={() => {
                  restore.mutate(take.id)
                }}
              >
                <RotateCcw size={15} aria-hidden />
                {t('takes:restoreShort')}
              </Button>
            ) : song.mine && take.id !== song.chosen_take_id ? (
              <Button
                size="small"
                onPress={() => {
                  change.mutate({ id: song.id, patch: { chosen_take_id: take.id } })
                }}
              >
                {t('takes:choose')}
              </Button>
            ) : null}
            <span className="num quiet">
              <Clock head={head} /> / {clock(durationS)}
            </span>
            <ZoomIn size={16} aria-hidden />
            <Slider
              label={t('zoom')}
              labelHidden
              value={zoom}
              maxValue={150}
              step={5}
              format={(value) => (value ? `${value} px/s` : t('fit'))}
              onChange={setZoom}
              className={styles.zoom}
            />
          </span>
        </div>
        <Suspense fallback={<div className={styles.bigWave} aria-busy="true" />}>
          {peaks.data ? (
            <BigWave
              peaks={peaks.data.peaks}
              durationS={durationS}
              sections={take.sections}
              region={region}
              trim={trim === undefined ? trimOf(take) : trim}
              zoom={zoom}
              positionOf={positionNow}
              head={head}
              moving={playing}
              onSeek={seek}
              onRegion={setRegion}
            />
          ) : (
            <div className={styles.bigWave} aria-busy={peaks.isPending} />
          )}
        </Suspense>
        <div className={styles.regionBar} role="toolbar" aria-label={t('region')}>
          {region ? (
            <>
              <TimeField
                label={t('from')}
                value={region.startS}
                onChange={(value) => {
                  setRegion(withStart(region, value, durationS))
                }}
              />
              <TimeField
                label={t('to')}
                value={region.endS}
                onChange={(value) => {
                  setRegion(withEnd(region, value, durationS))
                }}
              />
              <Button
                size="small"
                onPress={() => {
                  setRegion(withStart(region, positionNow(), durationS))
                }}
                isDisabled={!loaded}
              >
                {t('fromHere')}
              </Button>
              <Button
                size="small"
                onPress={() => {
                  setRegion(withEnd(region, positionNow(), durationS))
                }}
                isDisabled={!loaded}
              >
                {t('toHere')}
              </Button>
              <IconButton
                size="small"
                label={t(loop ? 'loopOff' : 'loopRegion')}
                on={loop !== null}
                onPress={() => {
                  const player = usePlayer.getState()
                  if (loop) {
                    player.setLoop(null)
                    return
                  }
                  seek(region.startS)
                  player.setLoop(region)
                  player.resume()
                }}
              >
                <Repeat2 size={17} aria-hidden />
              </IconButton>
              <IconButton
                size="small"
                label={t('clearRegion')}
                onPress={() => {
                  setRegion(null)
                  setPicked(null)
                }}
              >
                <X size={16} aria-hidden />
              </IconButton>
            </>
          ) : (
            <>
              <Button
                size="small"
                onPress={() => {
                  const startS = loaded ? positionNow() : 0
                  setRegion(tidy({ startS, endS: startS + Math.min(8, durationS / 3) }, durationS))
                }}
              >
                {t('selectHere')}
              </Button>
              <span className={styles.small}>{t('regionHint')}</span>
            </>
          )}
        </div>
      </section>

      <div className={styles.columns}>
        <section className={styles.words} aria-labelledby="words">
          <h2 id="words">{t('lyrics')}</h2>
          {take.lines.length || wordsOf(take, song).lyrics ? (
            <LyricsFollow
              label={t('lyrics')}
              lines={take.lines}
              lyrics={wordsOf(take, song).lyrics}
              head={loaded ? playhead : null}
              selected={region}
              onPick={pick}
            />
          ) : (
            <p className="quiet">{t('instrumental')}</p>
          )}
          {take.lines.length ? <p className={styles.small}>{t('lineHint')}</p> : null}
        </section>
        <Tabs className={styles.tabs}>
          <TabList aria-label={t('tools')} className={styles.tabList}>
            {(['change', 'sound', 'stems', 'export', 'recipe'] as const).map((one) => (
              <Tab key={one} id={one} className={styles.tab}>
                {t(`tabs.${one}`)}
              </Tab>
            ))}
          </TabList>
          <TabPanel id="change" className={styles.tabPanel}>
            {song.mine ? (
              <ToolPanel key={take.id} song={song} take={take} region={region} />
            ) : (
              <Notice>{t('notYours')}</Notice>
            )}
          </TabPanel>
          <TabPanel id="sound" className={styles.tabPanel}>
            <SoundPanel key={take.id} take={take} region={region} onTrim={setTrim} isDisabled={!song.mine} />
          </TabPanel>
          <TabPanel id="stems" className={styles.tabPanel}>
            <StemsPanel key={take.id} takes={song.all_takes} take={take} />
          </TabPanel>
          <TabPanel id="export" className={styles.tabPanel}>
            <ExportPanel song={song} take={take} region={region} show={show} />
          </TabPanel>
          <TabPanel id="recipe" className={styles.tabPanel}>
            <Recipe song={song} take={take} />
          </TabPanel>
        </Tabs>
      </div>
      <div className={styles.columns}>
        <Versions song={song} shown={take.id} show={show} />
        {around.takes}
      </div>
    </>
  )
}

export function SongPage(around: Around) {
  const { songId, jobCard } = around
  const { t } = useTranslation(['song', 'common', 'library'])
  const song = useSong(songId)
  const active = useJobs('active')
  const { restore } = useSongActions()
  const [params, setParams] = useSearchParams()
  const current = song.data

  const takes = current?.all_takes ?? []
  const wanted = params.get('take')
  const take =
    takes.find((one) => one.id === wanted) ??
    takes.find((one) => one.id === current?.chosen_take_id) ??
    takes.find((one) => one.discarded_at === null) ??
    takes[0]

  const show = useCallback(
    (takeId: string) => {
      setParams({ take: takeId }, { replace: true, preventScrollReset: true })
    },
    [setParams],
  )
  useArrivals(current, show)

  // Another version on screen while this song sounds: the same instant of that one.
  const shownId = take?.id
  const seen = useRef(shownId)
  useEffect(() => {
    if (seen.current === shownId) return
    seen.current = shownId
    const player = usePlayer.getState()
    if (current && take && player.track?.songId === current.id) player.switchTo(takeTrack(current, take))
  }, [shownId, current, take])

  if (song.isError)
    return (
      <Empty
        title={t('common:notFound')}
        action={<ButtonLink href="/library">{t('library:backToLibrary')}</ButtonLink>}
      >
        {song.error.message}
      </Empty>
    )
  if (!current) return <div aria-busy="true" />

  const running = (active.data ?? []).filter((job) => job.song_id === songId)
  const stopped = current.jobs.filter((job) => !isActive(job) && !running.some((one) => one.id === job.id))
  return (
    <div className={styles.page}>
      {current.deleted_at ? (
        <Notice kind="warn">
          {t('inTrash')}{' '}
          <Button
            size="small"
            onPress={() => {
              restore.mutate(songId)
            }}
          >
            {t('library:restore')}
          </Button>
        </Notice>
      ) : null}
      <Header song={current} />
      {[...running, ...stopped].map((job) => (
        <div key={job.id}>{jobCard(job)}</div>
      ))}
      {take ? (
        <Loaded key={songId} song={current} take={take} around={around} show={show} />
      ) : (
        <Empty title={t(running.length ? 'soon' : 'noTakes')}>
          {t(running.length ? 'soonText' : 'noTakesText')}
        </Empty>
      )}
    </div>
  )
}
