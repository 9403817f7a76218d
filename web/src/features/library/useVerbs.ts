/** What can be done with songs of a list. What can be undone is done at once, with an undo. */
import { useTranslation } from 'react-i18next'
import { useSongActions } from '@/api/mutations'
import { usePlaylistActions } from '@/api/keeping'
import { usePlaylists } from '@/api/queries'
import type { Playlist, SongCard } from '@/api/types'
import { songTrack, usePlayer, type Track } from '@/features/player/store'
import { toast } from '@/lib/toasts'

const tracksOf = (songs: readonly SongCard[]): Track[] =>
  songs.map(songTrack).filter((track) => track !== null)

export function useVerbs() {
  const { t } = useTranslation('library')
  const { change, trash, restore, duplicate } = useSongActions()
  const playlists = usePlaylists()
  const { change: arrange } = usePlaylistActions()

  const playAll = (songs: readonly SongCard[], first?: SongCard) => {
    const tracks = tracksOf(songs)
    const track = first ? songTrack(first) : (tracks[0] ?? null)
    if (track) usePlayer.getState().play(track, tracks)
  }
  const playNext = (songs: readonly SongCard[]) => {
    for (const track of tracksOf(songs).reverse()) usePlayer.getState().playNext(track)
    toast(t('queued', { count: songs.length }))
  }
  const enqueue = (songs: readonly SongCard[]) => {
    for (const track of tracksOf(songs)) usePlayer.getState().enqueue(track)
    toast(t('queued', { count: songs.length }))
  }
  const like = (songs: readonly SongCard[], favourite: boolean) => {
    for (const song of songs) change.mutate({ id: song.id, patch: { favourite } })
  }
  const rate = (song: SongCard, rating: number) => {
    change.mutate({ id: song.id, patch: { rating } })
  }
  const rename = (song: SongCard, title: string) => {
    change.mutate({ id: song.id, patch: { title } })
  }
  const share = (song: SongCard, shared: boolean) => {
    change.mutate({ id: song.id, patch: { shared } })
  }
  const retag = (songs: readonly SongCard[], tag: string, on: boolean) => {
    for (const song of songs) {
      if (song.tags.includes(tag) === on) continue
      const tags = on ? [...song.tags, tag] : song.tags.filter((other) => other !== tag)
      change.mutate({ id: song.id, patch: { tags } })
    }
  }
  const discard = (songs: readonly SongCard[]) => {
    for (const song of songs) trash.mutate(song.id)
    const [first] = songs
    if (!first) return
    toast(
      songs.length === 1 ? t('trashed', { title: first.title }) : t('trashedMany', { count: songs.length }),
      {
        label: t('common:undo'),
        run: () => {
          for (const song of songs) restore.mutate(song.id)
        },
      },
    )
  }
  const bringBack = (songs: readonly SongCard[]) => {
    for (const song of songs) restore.mutate(song.id)
  }
  const copy = (song: SongCard) => {
    duplicate.mutate(song.id, {
      onSuccess: () => {
        toast(t('duplicated', { title: song.title }))
      },
    })
  }
  const addTo = (playlist: Playlist, ids: readonly string[]) => {
    const latest = playlists.data?.find((one) => one.id === playlist.id) ?? playlist
    const fresh = ids.filter((id) => !latest.song_ids.includes(id))
    if (!fresh.length) {
      toast(t('alreadyIn', { name: latest.name }))
      return
    }
    const before = latest.song_ids
    arrange.mutate(
      { id: latest.id, patch: { song_ids: [...before, ...fresh] } },
      {
        onSuccess: () => {
          toast(t('addedTo', { count: fresh.length, name: latest.name }), {
            label: t('common:undo'),
            run: () => {
              arrange.mutate({ id: latest.id, patch: { song_ids: before } })
            },
          })
        },
      },
    )
  }
  return { playAll, playNext, enqueue, like, rate, rename, share, retag, discard, bringBack, copy, addTo }
}

export type Verbs = ReturnType<typeof useVerbs>
