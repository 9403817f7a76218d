import { useParams } from 'react-router'
import { SongPage } from '@/features/song/SongPage'
import { SongTakes } from '@/features/takes/SongTakes'

export function Component() {
  const { songId = '' } = useParams()
  return <SongPage key={songId} songId={songId} takes={<SongTakes songId={songId} />} />
}
