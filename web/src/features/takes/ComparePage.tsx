/**
 * Takes side by side. All share one position: a key switches between them within the note, loudness matched, and blind
 * if wished. Keeping one discards the rest, with a way back.
 */
import clsx from 'clsx'
import { ArrowLeft, Check, Pause, Play } from 'lucide-react'
import { useEffect, useEffectEvent, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { usePeaks } from '@/api/queries'
import type { Take } from '@/api/types'
import { Button, ButtonLink, IconButton } from '@/components/Button'
import { Clock } from '@/components/Clock'
import { Empty, Notice } from '@/components/feedback'
import { Switch } from '@/components/fields'
import { Waveform } from '@/components/Waveform'
import { playhead, takeTrack, usePlayer } from '@/features/player/store'
import { clock } from '@/lib/format'
import { RESTING, type Playhead } from '@/lib/playhead'
import { commandOf, LETTERS, shuffled } from './order'
import { quietest, useTakes } from './useTakes'
import styles from './takes.module.css'

function Lane({
  take,
  letter,
  number,
  blind,
  active,
  playing,
  head,
  onSwitch,
  onSeek,
  onKeep,
}: {
  take: Take
  letter: string
  number: number
  blind: boolean
  active: boolean
  playing: boolean
  head: Playhead
  onSwitch: () => void
  onSeek: (positionS: number) => void
  onKeep: () => void
}) {
  const { t } = useTranslation('takes')
  const peaks = usePeaks(take.id)
  const name = blind ? letter : `${letter} · ${t('take', { number })}`
  return (
    <li className={clsx(styles.lane, active && styles.laneActive)}>
      <button
        type="button"
        className={styles.letter}
        aria-pressed={active}
        aria-label={name}
        onClick={onSwitch}
      >
        {letter}
        {active && playing ? <span className={styles.beat} aria-hidden /> : null}
      </button>
      <div className={styles.laneBody}>
        <div className={styles.laneHead}>
          <strong>{blind ? '' : take.title || t('take', { number })}</strong>
          {blind ? null : (
            <span className={styles.takeFacts}>
              <span className="num">{clock(take.duration_s)}</span>
              {take.lufs === null ? null : (
                <span className="num"> · {t('lufs', { value: take.lufs.toFixed(1) })}</span>
              )}
              {take.seed ? <span className="num"> · {t('seed', { value: take.seed })}</span> : null}
            </span>
          )}
          <Button
            size="small"
            look={active ? 'primary' : 'secondary'}
            aria-label={blind ? undefined : t('keepOnly')}
            onPress={onKeep}
          >
            <Check size={14} aria-hidden />
            {blind ? t('choose') : t('keep')}
          </Button>
        </div>
        <Waveform
          label={`${name}, ${t('position')}`}
          className={styles.wave}
          // A shape could give a take away.
          peaks={blind ? undefined : peaks.data?.peaks}
          durationS={take.duration_s}
          head={head}
          onSeek={onSeek}
        />
        {blind ? null : take.reasons.length ? (
          <ul className={styles.reasons}>
            {take.reasons.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        ) : (
          <p className={styles.takeFacts}>{t('noReasons')}</p>
        )}
      </div>
    </li>
  )
}

export function ComparePage({ songId }: { songId: string }) {
  const { t } = useTranslation('takes')
  const { song, pending, error, takes, numberOf, keepOnly } = useTakes(songId)
  const [blindSeed, setBlindSeed] = useState<number | null>(null)
  const [match, setMatch] = useState(true)
  const [picked, setPicked] = useState<Take | null>(null)
  const track = usePlayer((state) => state.track)
  const playing = usePlayer((state) => state.playing)

  const ids = takes.map((take) => take.id).join()
  const order = useMemo(
    () => (blindSeed === null ? takes : shuffled(takes, blindSeed)),
    // The same takes in fresh objects are in the same order.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [ids, blindSeed, song],
  )
  const blind = blindSeed !== null && picked === null
  const target = quietest(takes)
  const activeAt = order.findIndex((take) => take.id === track?.takeId)
  const head = activeAt >= 0 ? playhead : RESTING

  useEffect(() => {
    usePlayer.getState().setMatch(match ? target : null)
    return () => {
      usePlayer.getState().setMatch(null)
    }
  }, [match, target])

  const prepare = useEffectEvent(() => {
    if (song) usePlayer.getState().prepare(takes.map((take) => takeTrack(song, take)))
  })
  useEffect(() => {
    prepare()
  }, [ids])

  const switchTo = (at: number) => {
    const take = order[at]
    if (!take || !song) return
    const player = usePlayer.getState()
    const next = takeTrack(song, take)
    if (activeAt >= 0) {
      player.switchTo(next)
      if (!player.playing) player.resume()
    } else player.play(next)
  }
  const toggle = () => {
    if (activeAt >= 0) usePlayer.getState().toggle()
    else switchTo(0)
  }

  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return
    if ((event.target as Element | null)?.closest('input, textarea, select, [role=menu], [role=dialog]'))
      return
    const command = commandOf(event.key, order.length)
    if (command === null && !(event.key === ' ' && activeAt < 0)) return
    if (event.key === ' ' && (event.target as Element | null)?.closest('button, a')) return
    // Letters mean takes here, not what they mean elsewhere.
    event.preventDefault()
    event.stopPropagation()
    if (command === 'next') switchTo((activeAt + 1) % order.length)
    else if (command === 'match') setMatch((before) => !before)
    else if (command === null) toggle()
    else switchTo(command)
  })
  useEffect(() => {
    const hear = (event: KeyboardEvent) => {
      onKey(event)
    }
    window.addEventListener('keydown', hear, { capture: true })
    return () => {
      window.removeEventListener('keydown', hear, { capture: true })
    }
  }, [])

  if (error) return <Empty title={error.message} />
  if (pending || !song) return null

  return (
    <div className={styles.compare}>
      <header className={styles.compareHead}>
        <ButtonLink look="quiet" size="small" href={`/songs/${songId}`}>
          <ArrowLeft size={16} aria-hidden />
          {t('back')}
        </ButtonLink>
        <h1>
          <bdi>{song.title}</bdi>
        </h1>
        <p className="quiet">{takes.length > 1 ? t('compareHint') : t('nothing')}</p>
      </header>
      <div className={styles.compareBar}>
        <IconButton
          label={t(playing && activeAt >= 0 ? 'common:pause' : 'common:play')}
          look="primary"
          size="large"
          round
          onPress={toggle}
        >
          {playing && activeAt >= 0 ? (
            <Pause size={18} fill="currentColor" aria-hidden />
          ) : (
            <Play size={18} fill="currentColor" aria-hidden />
          )}
        </IconButton>
        <span className="num">
          <Clock head={head} />{' '}
          <span className="quiet">/ {clock(order[Math.max(0, activeAt)]?.duration_s)}</span>
        </span>
        <span className={styles.grow} />
        <Switch isSelected={match && target !== null} isDisabled={target === null} onChange={setMatch}>
          {t('match')}
        </Switch>
        <Switch
          isSelected={blindSeed !== null}
          onChange={(on) => {
            setPicked(null)
            setBlindSeed(on ? (crypto.getRandomValues(new Uint32Array(1))[0] ?? 1) : null)
          }}
        >
          {t('blind')}
        </Switch>
      </div>
      {blind ? <p className="quiet">{t('blindHint')}</p> : null}
      {blindSeed !== null && picked ? (
        <Notice>
          <span className={styles.revealed}>
            {t('revealed', { number: numberOf(picked) })}
            <Button
              size="small"
              look="primary"
              onPress={() => {
                keepOnly(picked)
                setBlindSeed(null)
                setPicked(null)
              }}
            >
              {t('keepOnly')}
            </Button>
          </span>
        </Notice>
      ) : null}
      <ol className={styles.lanes}>
        {order.map((take, at) => (
          <Lane
            key={take.id}
            take={take}
            letter={LETTERS[at] ?? String(at + 1)}
            number={numberOf(take)}
            blind={blind}
            active={at === activeAt}
            playing={playing}
            head={head}
            onSwitch={() => {
              switchTo(at)
            }}
            onSeek={(seconds) => {
              if (at !== activeAt) switchTo(at)
              usePlayer.getState().seek(seconds)
            }}
            onKeep={() => {
              if (blind) setPicked(take)
              else keepOnly(take)
            }}
          />
        ))}
      </ol>
    </div>
  )
}
