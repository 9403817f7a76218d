/** A playlist: its songs in the order people drag them to. */
import { Play, Shuffle, Trash2, Users } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { usePlaylistActions } from '@/api/keeping'
import { useMe, usePlaylists, useSongs } from '@/api/queries'
import type { SongCard } from '@/api/types'
import { Button, ButtonLink, IconButton } from '@/components/Button'
import { Empty } from '@/components/feedback'
import { InlineEdit } from '@/components/InlineEdit'
import { usePlayer } from '@/features/player/store'
import { clock } from '@/lib/format'
import { moved } from '@/lib/lists'
import { toast } from '@/lib/toasts'
import styles from './library.module.css'
import { SongList } from './SongList'
import { useVerbs } from './useVerbs'

export function PlaylistPage({ playlistId }: { playlistId: string }) {
  const { t } = useTranslation('library')
  const navigate = useNavigate()
  const playlists = usePlaylists()
  const me = useMe()
  const { add, change, remove } = usePlaylistActions()
  const verbs = useVerbs()
  const playlist = playlists.data?.find((one) => one.id === playlistId)
  const songs = useSongs({ playlist_id: playlistId, limit: 500 })

  if (!playlist)
    return playlists.isPending ? null : (
      <Empty
        title={t('common:notFound')}
        action={<ButtonLink href="/library">{t('backToLibrary')}</ButtonLink>}
      />
    )

  // The order is the playlist's own: it is known before the songs are asked for again.
  const cards = new Map(songs.data?.pages.flatMap((page) => page.items).map((song) => [song.id, song]))
  const list = playlist.song_ids.map((id) => cards.get(id)).filter((song) => song !== undefined)
  const arrange = (songIds: string[]) => {
    change.mutate({ id: playlist.id, patch: { song_ids: songIds } })
  }
  const ids = playlist.song_ids
  const shift = (song: SongCard, by: number) => {
    const at = ids.indexOf(song.id)
    arrange(moved(ids, new Set([at]), at + by, by > 0))
  }

  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <div className={styles.headLine}>
          <h1 className={styles.name}>
            <InlineEdit
              label={t('rename')}
              value={playlist.name}
              maxLength={120}
              isDisabled={!playlist.mine}
              onSave={(name) => {
                change.mutate({ id: playlist.id, patch: { name } })
              }}
            />
          </h1>
          <span className="num quiet">
            {t('songs', { count: ids.length })} · {clock(playlist.duration_s)}
          </span>
          <span className={styles.headEnd}>
            <Button
              look="primary"
              isDisabled={!list.length}
              onPress={() => {
                usePlayer.getState().setShuffle(false)
                verbs.playAll(list)
              }}
            >
              <Play size={16} fill="currentColor" aria-hidden /> {t('common:play')}
            </Button>
            <Button
              isDisabled={!list.length}
              onPress={() => {
                usePlayer.getState().setShuffle(true)
                verbs.playAll(list, list[Math.floor(Math.random() * list.length)])
              }}
            >
              <Shuffle size={16} aria-hidden /> {t('player:shuffle')}
            </Button>
            {playlist.mine && me.data?.open === false ? (
              <IconButton
                label={t(playlist.shared ? 'unshare' : 'share')}
                on={playlist.shared}
                onPress={() => {
                  change.mutate({ id: playlist.id, patch: { shared: !playlist.shared } })
                }}
              >
                <Users size={17} aria-hidden />
              </IconButton>
            ) : null}
            {playlist.mine ? (
              <IconButton
                label={t('deletePlaylist')}
                onPress={() => {
                  remove.mutate(playlist.id, {
                    onSuccess: () => {
                      void navigate('/library')
                      toast(t('playlistDeleted', { name: playlist.name }), {
                        label: t('common:undo'),
                        run: () => {
                          add.mutate({ name: playlist.name, songIds: ids })
                        },
                      })
                    },
                  })
                }}
              >
                <Trash2 size={17} aria-hidden />
              </IconButton>
            ) : null}
          </span>
        </div>
      </header>
      <SongList
        label={playlist.name}
        songs={list}
        loading={songs.isPending}
        onReorder={
          playlist.mine
            ? (dragged, target, after) => {
                const places = new Set(dragged.map((id) => ids.indexOf(id)))
                arrange(moved(ids, places, ids.indexOf(target), after))
              }
            : undefined
        }
        more={
          playlist.mine
            ? (song) => [
                {
                  id: 'up',
                  label: t('moveUp'),
                  isDisabled: ids.indexOf(song.id) === 0,
                  onAction: () => {
                    shift(song, -1)
                  },
                },
                {
                  id: 'down',
                  label: t('moveDown'),
                  isDisabled: ids.indexOf(song.id) === ids.length - 1,
                  onAction: () => {
                    shift(song, 1)
                  },
                },
                {
                  id: 'out',
                  label: t('takeOut'),
                  onAction: () => {
                    arrange(ids.filter((id) => id !== song.id))
                    toast(t('takenOut', { title: song.title }), {
                      label: t('common:undo'),
                      run: () => {
                        arrange(ids)
                      },
                    })
                  },
                },
              ]
            : undefined
        }
        empty={<Empty title={t('playlistEmpty')}>{t('playlistEmptyText')}</Empty>}
      />
    </div>
  )
}
