/** What is known about the song that is loaded, besides its sound. */
import { useQuery } from '@tanstack/react-query'
import { peaksQuery, songQuery } from '@/api/queries'
import type { Song, Take } from '@/api/types'
import { usePlayer } from './store'

export function useTrackFacts(): {
  song: Song | undefined
  take: Take | undefined
  peaks: number[] | undefined
} {
  const track = usePlayer((state) => state.track)
  const song = useQuery({ ...songQuery(track?.songId ?? ''), enabled: track !== null })
  const peaks = useQuery({ ...peaksQuery(track?.takeId ?? ''), enabled: track !== null })
  return {
    song: song.data,
    take: song.data?.all_takes.find((take) => take.id === track?.takeId),
    peaks: peaks.data?.peaks,
  }
}
