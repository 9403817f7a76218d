import type { ReactNode } from 'react'

export function SongPage({ songId, takes }: { songId: string; takes: ReactNode }) {
  return (
    <>
      <h1>{songId}</h1>
      {takes}
    </>
  )
}
