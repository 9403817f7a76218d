import { useParams } from 'react-router'
import { PlaylistPage } from '@/features/library/PlaylistPage'

export function Component() {
  const { playlistId = '' } = useParams()
  return <PlaylistPage key={playlistId} playlistId={playlistId} />
}
