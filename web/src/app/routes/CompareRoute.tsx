import { useParams } from 'react-router'
import { ComparePage } from '@/features/takes/ComparePage'

export function Component() {
  const { songId = '' } = useParams()
  return <ComparePage key={songId} songId={songId} />
}
