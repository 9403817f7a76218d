/** One song of a list, as a row or as a card. */
import clsx from 'clsx'
import { Check, Ellipsis, GripVertical, Heart, Pause, Play, Users } from 'lucide-react'
import { Button, Checkbox } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { artwork, songZip } from '@/api/urls'
import { useMe } from '@/api/queries'
import type { SongCard } from '@/api/types'
import { IconButton } from '@/components/Button'
import { Cover } from '@/components/feedback'
import { InlineField } from '@/components/InlineEdit'
import { Menu, type MenuEntry } from '@/components/Menu'
import { Stars } from '@/components/Stars'
import { usePlayer } from '@/features/player/store'
import { clock } from '@/lib/format'
import styles from './library.module.css'
import { useList } from './ListContext'

function SongMenu({ song }: { song: SongCard }) {
  const { t } = useTranslation('library')
  const navigate = useNavigate()
  const { verbs, setRenaming, ask, more } = useList()
  const me = useMe()
  const gone = song.deleted_at !== null
  const entries: (MenuEntry | false | null)[] = gone
    ? [
        {
          id: 'restore',
          label: t('restore'),
          onAction: () => {
            verbs.bringBack([song])
          },
        },
        {
          id: 'forever',
          label: t('deleteForever'),
          danger: true,
          onAction: () => {
            ask({ what: 'forever', songs: [song] })
          },
        },
      ]
    : [
        { id: 'open', label: t('open'), onAction: () => void navigate(`/songs/${song.id}`) },
        {
          id: 'next',
          label: t('playNext'),
          isDisabled: !song.chosen_take_id,
          onAction: () => {
            verbs.playNext([song])
          },
        },
        {
          id: 'queue',
          label: t('enqueue'),
          isDisabled: !song.chosen_take_id,
          onAction: () => {
            verbs.enqueue([song])
          },
        },
        {
          id: 'playlist',
          label: t('toPlaylist'),
          onAction: () => {
            ask({ what: 'playlist', songs: [song] })
          },
        },
        ...(more?.(song) ?? []),
        'separator',
        song.mine && {
          id: 'rename',
          label: t('rename'),
          shortcut: 'F2',
          onAction: () => {
            // The menu gives focus back to its button first.
            setTimeout(() => {
              setRenaming(song.id)
            }, 50)
          },
        },
        song.mine && {
          id: 'tags',
          label: t('editTags'),
          onAction: () => {
            ask({ what: 'tags', songs: [song] })
          },
        },
        {
          id: 'copy',
          label: t('duplicate'),
          onAction: () => {
            verbs.copy(song)
          },
        },
        song.mine &&
          me.data?.open === false && {
            id: 'share',
            label: t(song.shared ? 'unshare' : 'share'),
            onAction: () => {
              verbs.share(song, !song.shared)
            },
          },
        { id: 'zip', label: t('downloadAll'), href: songZip(song.id), download: true },
        song.mine && 'separator',
        song.mine && {
          id: 'trash',
          label: t('toTrash'),
          shortcut: 'Del',
          danger: true,
          onAction: () => {
            verbs.discard([song])
          },
        },
      ]
  return (
    <Menu
      label={t('actionsOf', { title: song.title })}
      trigger={
        <IconButton size="small" label={t('actionsOf', { title: song.title })}>
          <Ellipsis size={17} aria-hidden />
        </IconButton>
      }
      entries={entries}
    />
  )
}

function CoverPlay({ song, size }: { song: SongCard; size?: string }) {
  const { t } = useTranslation('library')
  const { verbs, songs } = useList()
  const loaded = usePlayer((state) => state.track?.songId === song.id)
  const sounding = usePlayer((state) => state.playing && state.track?.songId === song.id)
  return (
    <span className={styles.coverBox}>
      <Cover seed={song.id} src={artwork(song)} size={size} className={styles.cover} />
      {song.chosen_take_id && !song.deleted_at ? (
        <Button
          className={clsx(styles.coverPlay, loaded && styles.loaded)}
          aria-label={sounding ? t('pauseSong', { title: song.title }) : t('playSong', { title: song.title })}
          onPress={() => {
            if (loaded) usePlayer.getState().toggle()
            else verbs.playAll(songs, song)
          }}
        >
          {sounding ? (
            <Pause size={18} fill="currentColor" aria-hidden />
          ) : (
            <Play size={18} fill="currentColor" aria-hidden />
          )}
        </Button>
      ) : null}
    </span>
  )
}

function Title({ song }: { song: SongCard }) {
  const { t } = useTranslation('library')
  const { renaming, setRenaming, verbs } = useList()
  const loaded = usePlayer((state) => state.track?.songId === song.id)
  if (renaming === song.id)
    return (
      <InlineField
        label={t('titleOf')}
        value={song.title}
        maxLength={200}
        className={styles.rename}
        onDone={(title) => {
          setRenaming(null)
          if (title) verbs.rename(song, title)
        }}
      />
    )
  return (
    <span className={clsx(styles.title, loaded && styles.sounding)} dir="auto">
      {song.title}
      {song.shared && !song.mine ? <Users size={13} aria-label={t('shared')} /> : null}
    </span>
  )
}

function Facts({ song }: { song: SongCard }) {
  return (
    <span className={clsx('num', 'quiet', styles.facts)}>
      {song.bpm ? <span>{song.bpm} BPM</span> : null}
      {song.key ? <span>{song.key}</span> : null}
    </span>
  )
}

function Liking({ song }: { song: SongCard }) {
  const { t } = useTranslation('player')
  const { verbs } = useList()
  return (
    <IconButton
      size="small"
      label={t(song.favourite ? 'unlike' : 'like')}
      on={song.favourite}
      isDisabled={!song.mine}
      className={clsx(styles.like, song.favourite && styles.liked)}
      onPress={() => {
        verbs.like([song], !song.favourite)
      }}
    >
      <Heart size={16} fill={song.favourite ? 'currentColor' : 'none'} aria-hidden />
    </IconButton>
  )
}

function Select({ song }: { song: SongCard }) {
  const { t } = useTranslation('library')
  return (
    <Checkbox slot="selection" aria-label={t('selectSong', { title: song.title })} className={styles.select}>
      <span className={styles.box}>
        <Check size={13} strokeWidth={3} aria-hidden />
      </span>
    </Checkbox>
  )
}

export function SongRow({ song, draggable }: { song: SongCard; draggable: boolean }) {
  const { t } = useTranslation('library')
  const { layout, compact, verbs } = useList()
  const grip = draggable ? (
    <Button slot="drag" className={styles.grip} aria-label={t('drag', { title: song.title })}>
      <GripVertical size={15} aria-hidden />
    </Button>
  ) : null

  if (layout === 'grid')
    return (
      <div className={styles.card}>
        <div className={styles.cardCover}>
          <CoverPlay song={song} />
          <Select song={song} />
          {grip}
        </div>
        <div className={styles.cardLine}>
          <Title song={song} />
          <SongMenu song={song} />
        </div>
        <div className={clsx(styles.cardLine, 'quiet')}>
          <span className={styles.caption} dir="auto">
            {song.caption}
          </span>
          <span className="num">{clock(song.duration_s)}</span>
        </div>
      </div>
    )

  return (
    <div className={clsx(styles.row, compact && styles.compact)}>
      {compact ? null : <Select song={song} />}
      {grip}
      <CoverPlay song={song} size="2.75rem" />
      <span className={styles.names}>
        <Title song={song} />
        <span className={styles.caption} dir="auto">
          {song.caption}
        </span>
      </span>
      {compact ? null : (
        <>
          <span className={styles.tags}>
            {song.tags.slice(0, 3).map((tag) => (
              <span key={tag} className={styles.tag}>
                {tag}
              </span>
            ))}
          </span>
          <Facts song={song} />
          <span className={clsx('quiet', styles.takes)}>{t('takes', { count: song.takes })}</span>
          {song.mine ? (
            <span className={styles.rating}>
              <Stars
                label={t('ratingOf', { title: song.title })}
                value={song.rating}
                onChange={(rating) => {
                  verbs.rate(song, rating)
                }}
              />
            </span>
          ) : (
            <span className={styles.rating} />
          )}
        </>
      )}
      <Liking song={song} />
      <span className={clsx('num', 'quiet', styles.length)}>{clock(song.duration_s)}</span>
      <SongMenu song={song} />
    </div>
  )
}
