import { useSong } from '@/api/queries'

/** The name of the browser's tab while a song is open. */
export function SongTitle({ songId }: { songId: string }) {
  const song = useSong(songId)
  return <title>{song.data ? `${song.data.title} · melisma` : 'melisma'}</title>
}
