import { useLocation } from 'react-router'
import type { SongRequest } from '@/api/types'
import { Compose } from '@/features/compose/Compose'
import { Now } from '@/features/queue/Now'
import { TakeStrip } from '@/features/takes/TakeStrip'
import { useMedia, WIDE } from '@/lib/useMedia'

/**
 * Where a song is remade with changes, the way here carries its request: navigate('/', { state: { request } }). What is
 * being made stands beneath the form where there is no column beside it.
 */
export function CreateRoute() {
  const state = useLocation().state as { request?: SongRequest } | null
  const wide = useMedia(WIDE)
  return (
    <Compose
      initial={state?.request ?? null}
      making={wide ? null : <Now takes={(songId) => <TakeStrip songId={songId} />} />}
    />
  )
}
