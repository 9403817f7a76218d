import { useLocation } from 'react-router'
import type { SongRequest } from '@/api/types'
import { Compose } from '@/features/compose/Compose'

/** Where a song is remade with changes, the way here carries its request: navigate('/', { state: { request } }). */
export function CreateRoute() {
  const state = useLocation().state as { request?: SongRequest } | null
  return <Compose initial={state?.request ?? null} />
}
