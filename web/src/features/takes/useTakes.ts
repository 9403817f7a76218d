/** Takes of a song: which there are, playing them, keeping one and taking that back. */
import { useTranslation } from 'react-i18next'
import { useSongActions, useTakeActions } from '@/api/mutations'
import { useSong } from '@/api/queries'
import type { Song, Take } from '@/api/types'
import { takeTrack, usePlayer } from '@/features/player/store'
import { toast } from '@/lib/toasts'

/** Takes that are not discarded, in the order in which they were made. */
export const presentTakes = (song: Song | undefined): Take[] =>
  (song?.all_takes ?? []).filter((take) => take.discarded_at === null)

/** Numbers count through a song, whatever job made the take: people say "take 3" and mean the third. */
export function takeNumbers(song: Song | undefined): Map<string, number> {
  return new Map((song?.all_takes ?? []).map((take, at) => [take.id, at + 1]))
}

/** What all takes are turned down to: the loudness of the quietest. */
export function quietest(takes: readonly Pick<Take, 'lufs'>[]): number | null {
  const known = takes.flatMap((take) => (take.lufs === null ? [] : [take.lufs]))
  return known.length === takes.length && known.length > 1 ? Math.min(...known) : null
}

export function useTakes(songId: string) {
  const { t } = useTranslation('takes')
  const song = useSong(songId)
  const { keep, change } = useSongActions()
  const { discard, restore } = useTakeActions(songId)
  const takes = presentTakes(song.data)
  const numbers = takeNumbers(song.data)

  return {
    song: song.data,
    pending: song.isPending,
    error: song.error,
    takes,
    discarded: (song.data?.all_takes ?? []).filter((take) => take.discarded_at !== null),
    numberOf: (take: Pick<Take, 'id'>) => numbers.get(take.id) ?? 0,
    /** Plays a take, or stops it if it is the one that sounds. */
    toggle: (take: Take) => {
      const player = usePlayer.getState()
      if (player.track?.takeId === take.id) player.toggle()
      else if (song.data) player.play(takeTrack(song.data, take))
    },
    choose: (take: Take) => {
      change.mutate({ id: songId, patch: { chosen_take_id: take.id } })
    },
    keepOnly: (take: Take) => {
      const others = takes.filter((other) => other.id !== take.id)
      const before = song.data?.chosen_take_id
      keep.mutate(
        { id: songId, takeIds: [take.id] },
        {
          onSuccess: () => {
            toast(t('keptOnly', { count: others.length }), {
              label: t('common:undo'),
              run: () => {
                void Promise.all(others.map((other) => restore.mutateAsync(other.id))).then(() => {
                  if (before) change.mutate({ id: songId, patch: { chosen_take_id: before } })
                })
              },
            })
          },
        },
      )
    },
    discard: (take: Take) => {
      const number = numbers.get(take.id) ?? 0
      if (usePlayer.getState().track?.takeId === take.id) usePlayer.getState().pause()
      discard.mutate(take.id, {
        onSuccess: () => {
          toast(t('discarded', { number }), {
            label: t('common:undo'),
            run: () => {
              restore.mutate(take.id)
            },
          })
        },
      })
    },
    restore: (take: Take) => {
      restore.mutate(take.id)
    },
  }
}

/** Whether a take is loaded in the player, and whether it sounds. */
export function useSounding(takeId: string): 'playing' | 'loaded' | null {
  return usePlayer((state) =>
    state.track?.takeId === takeId ? (state.playing ? 'playing' : 'loaded') : null,
  )
}
