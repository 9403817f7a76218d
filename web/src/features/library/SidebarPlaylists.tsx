/** Playlists in the navigation column; dragging comes with them, so they load after the first page is shown. */
import { lazy, Suspense } from 'react'

const Playlists = lazy(() => import('./Playlists').then((part) => ({ default: part.Playlists })))

export function SidebarPlaylists() {
  return (
    <Suspense fallback={null}>
      <Playlists />
    </Suspense>
  )
}
