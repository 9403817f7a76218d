/** Buttons that every face of the player shares. */
import {
  Gauge,
  Pause,
  Play,
  Repeat,
  Repeat1,
  Shuffle,
  SkipBack,
  SkipForward,
  SquareDashed,
  Volume1,
  Volume2,
  VolumeX,
} from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { IconButton } from '@/components/Button'
import { Slider } from '@/components/fields'
import { Menu } from '@/components/Menu'
import styles from './player.module.css'
import { RATES, usePlayer } from './store'
import { cycleLoop, cycleRepeat } from './useShortcuts'

export function PlayButton({ size = 'medium' }: { size?: 'medium' | 'large' }) {
  const { t } = useTranslation('common')
  const playing = usePlayer((state) => state.playing)
  const toggle = usePlayer((state) => state.toggle)
  const px = size === 'large' ? 22 : 18
  return (
    <IconButton
      look="primary"
      round
      size={size}
      label={playing ? t('pause') : t('play')}
      shortcut={t('player:space')}
      onPress={toggle}
    >
      {playing ? (
        <Pause size={px} fill="currentColor" aria-hidden />
      ) : (
        <Play size={px} fill="currentColor" aria-hidden />
      )}
    </IconButton>
  )
}

export function Steps() {
  const { t } = useTranslation('player')
  const next = usePlayer((state) => state.next)
  const previous = usePlayer((state) => state.previous)
  const last = usePlayer(
    (state) => state.index + 1 >= state.queue.length && state.repeat !== 'all' && !state.shuffle,
  )
  return (
    <>
      <IconButton label={t('previous')} shortcut="Shift ←" onPress={previous}>
        <SkipBack size={18} aria-hidden />
      </IconButton>
      <PlayButton />
      <IconButton label={t('next')} shortcut="Shift →" onPress={next} isDisabled={last}>
        <SkipForward size={18} aria-hidden />
      </IconButton>
    </>
  )
}

export function Modes() {
  const { t } = useTranslation('player')
  const { repeat, shuffle, loop, rate, setShuffle, setRate } = usePlayer()
  return (
    <>
      <IconButton
        label={t('shuffle')}
        on={shuffle}
        onPress={() => {
          setShuffle(!shuffle)
        }}
      >
        <Shuffle size={17} aria-hidden />
      </IconButton>
      <IconButton label={t(`repeats.${repeat}`)} shortcut="R" on={repeat !== 'off'} onPress={cycleRepeat}>
        {repeat === 'one' ? <Repeat1 size={17} aria-hidden /> : <Repeat size={17} aria-hidden />}
      </IconButton>
      <IconButton label={t(loop ? 'loopNext' : 'loop')} shortcut="O" on={loop !== null} onPress={cycleLoop}>
        <SquareDashed size={17} aria-hidden />
      </IconButton>
      <Menu
        label={t('speed')}
        trigger={
          <IconButton label={t('speedIs', { rate })} on={rate !== 1}>
            {rate === 1 ? <Gauge size={17} aria-hidden /> : <span className="num">{rate}×</span>}
          </IconButton>
        }
        entries={RATES.map((one) => ({
          id: String(one),
          label: `${one}×`,
          onAction: () => {
            setRate(one)
          },
        }))}
      />
    </>
  )
}

export function Volume() {
  const { t } = useTranslation('player')
  const { volume, muted, setVolume, setMuted } = usePlayer()
  const Icon = muted || volume === 0 ? VolumeX : volume < 0.5 ? Volume1 : Volume2
  return (
    <span className={styles.volume}>
      <IconButton
        label={t('mute')}
        shortcut="M"
        on={muted}
        onPress={() => {
          setMuted(!muted)
        }}
      >
        <Icon size={17} aria-hidden />
      </IconButton>
      <Slider
        label={t('volume')}
        labelHidden
        value={muted ? 0 : volume}
        step={0.01}
        format={(value) => `${Math.round(value * 100)} %`}
        onChange={(value) => {
          setMuted(false)
          setVolume(value)
        }}
      />
    </span>
  )
}
