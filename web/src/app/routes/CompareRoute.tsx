import { useParams } from 'react-router'
import { ComparePage } from '@/features/takes/ComparePage'
import { SongTitle } from './SongTitle'

export function Component() {
  const { songId = '' } = useParams()
  return (
    <>
      <SongTitle songId={songId} />
      <ComparePage key={songId} songId={songId} />
    </>
  )
}
