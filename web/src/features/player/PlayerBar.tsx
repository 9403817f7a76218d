/** Always at the bottom; sets --player-height on the root element while something is loaded. */
import { Heart, Keyboard, ListMusic, X } from 'lucide-react'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useLocation, useNavigate } from 'react-router'
import { useSongActions } from '@/api/mutations'
import type { Take } from '@/api/types'
import { IconButton } from '@/components/Button'
import { Clock } from '@/components/Clock'
import { Cover } from '@/components/feedback'
import { Waveform } from '@/components/Waveform'
import { spanOf } from '@/lib/envelope'
import { clock } from '@/lib/format'
import { useAt } from '@/lib/playhead'
import { toast } from '@/lib/toasts'
import { PHONE, useMedia } from '@/lib/useMedia'
import styles from './player.module.css'
import { playedSpan, playhead, usePlayer } from './store'
import { Modes, Steps, Volume } from './Transport'
import { useMediaSession, useShortcuts } from './useShortcuts'
import { useTrackFacts } from './useTrackFacts'

const ShortcutSheet = lazy(() => import('./ShortcutSheet').then((part) => ({ default: part.ShortcutSheet })))

// After this much of a song, it counts as listened to.
const LISTENED_S = 5

function useListened(): void {
  const songId = usePlayer((state) => state.track?.songId)
  const playing = usePlayer((state) => state.playing)
  const begunS = usePlayer((state) => playedSpan(state).startS)
  const far = useAt(playhead, (positionS) => positionS - begunS >= LISTENED_S)
  const heard = playing && far
  const told = useRef<string | undefined>(undefined)
  const { mutate } = useSongActions().played
  useEffect(() => {
    if (!heard || !songId || told.current === songId) return
    told.current = songId
    mutate(songId)
  }, [heard, songId, mutate])
}

/** A take that is changed while it is loaded is played as changed. */
function useReshaped(take: Take | undefined): void {
  useEffect(() => {
    if (take) usePlayer.getState().reshape(take.id, take.edit)
  }, [take])
}

function useUnplayable(): void {
  const { t } = useTranslation('player')
  const error = usePlayer((state) => state.error)
  const title = usePlayer((state) => state.track?.title)
  useEffect(() => {
    if (error) toast(t('unplayable', { title }))
  }, [error, title, t])
}

export function PlayerBar() {
  const { t } = useTranslation('player')
  const navigate = useNavigate()
  const { pathname } = useLocation()
  const phone = useMedia(PHONE)
  const [sheet, setSheet] = useState(false)
  const track = usePlayer((state) => state.track)
  const durationS = usePlayer((state) => state.durationS)
  const loop = usePlayer((state) => state.loop)
  const { song, take, peaks } = useTrackFacts()
  const span = spanOf(track?.edit, durationS)
  const { mutate: change } = useSongActions().change
  const big = pathname === '/player'

  const openOrLeave = () => {
    if (big) void navigate(-1)
    else void navigate('/player')
  }

  useMediaSession()
  useListened()
  useReshaped(take)
  useUnplayable()

  const like = () => {
    if (song?.mine) change({ id: song.id, patch: { favourite: !song.favourite } })
  }
  useShortcuts({
    favourite: like,
    help: () => {
      setSheet(true)
    },
    search: () => void navigate('/library', { state: { search: true } }),
    lyrics: openOrLeave,
  })

  // On a phone the page of the player has all of this, larger.
  const hidden = !track || (phone && big)
  useEffect(() => {
    const { style } = document.documentElement
    style.setProperty('--player-height', hidden ? '0px' : phone ? '3.75rem' : '5rem')
  }, [hidden, phone])

  const help = (
    <Suspense fallback={null}>
      {sheet ? <ShortcutSheet isOpen={sheet} onOpenChange={setSheet} /> : null}
    </Suspense>
  )
  if (hidden) return help

  return (
    <section className={styles.bar} aria-label={t('common:player')}>
      <div className={styles.what}>
        <Link to="/player" aria-label={t('open')} className={styles.coverLink}>
          <Cover seed={track.songId} src={track.artwork ?? null} size={phone ? '2.5rem' : '3.25rem'} />
        </Link>
        <div className={styles.words}>
          <Link to={`/songs/${track.songId}`} className={styles.title} dir="auto">
            {song?.title ?? track.title}
          </Link>
          <span className={styles.subtitle} dir="auto">
            {take && song && song.all_takes.length > 1 ? take.title || song.caption : track.subtitle}
          </span>
        </div>
        {phone ? null : (
          <IconButton
            label={t(song?.favourite ? 'unlike' : 'like')}
            shortcut="F"
            on={song?.favourite ?? false}
            isDisabled={!song?.mine}
            onPress={like}
          >
            <Heart size={17} fill={song?.favourite ? 'currentColor' : 'none'} aria-hidden />
          </IconButton>
        )}
      </div>
      <div className={styles.transport}>
        <Steps />
      </div>
      <div className={styles.line}>
        <span className="num quiet">
          <Clock head={playhead} fromS={span.startS} />
        </span>
        <Waveform
          label={t('position')}
          peaks={peaks}
          durationS={durationS}
          head={playhead}
          span={span}
          range={loop}
          bars={phone ? 90 : 180}
          onSeek={(to) => {
            usePlayer.getState().seek(to)
          }}
          className={styles.wave}
        />
        <span className="num quiet">{clock(span.endS - span.startS)}</span>
      </div>
      {phone ? null : (
        <div className={styles.modes}>
          <Modes />
          <Volume />
          <IconButton label={t('lyricsAndQueue')} shortcut="Y" on={big} onPress={openOrLeave}>
            <ListMusic size={18} aria-hidden />
          </IconButton>
          <IconButton
            label={t('shortcuts')}
            shortcut="?"
            onPress={() => {
              setSheet(true)
            }}
          >
            <Keyboard size={18} aria-hidden />
          </IconButton>
          <IconButton
            label={t('putAway')}
            onPress={() => {
              usePlayer.getState().clear()
            }}
          >
            <X size={17} aria-hidden />
          </IconButton>
        </div>
      )}
      {help}
    </section>
  )
}
