/** The library beside Create, on wide screens; loads after the first page is shown. */
import { lazy, Suspense } from 'react'

const ColumnBrowser = lazy(() => import('./ColumnBrowser').then((part) => ({ default: part.ColumnBrowser })))

export function LibraryColumn() {
  return (
    <Suspense fallback={null}>
      <ColumnBrowser />
    </Suspense>
  )
}
