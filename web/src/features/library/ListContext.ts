/** What rows of a list know of the list they are in. */
import { createContext, useContext } from 'react'
import type { SongCard } from '@/api/types'
import type { Verbs } from './useVerbs'

export type Asking = { what: 'playlist' | 'tags' | 'forever'; songs: SongCard[] } | { what: 'nothing' }

export interface ListState {
  verbs: Verbs
  songs: readonly SongCard[]
  layout: 'list' | 'grid'
  compact: boolean
  renaming: string | null
  setRenaming: (id: string | null) => void
  ask: (asking: Asking) => void
  /** Entries of the row's menu that only this list has, as in taking out of a playlist. */
  more?: (song: SongCard) => { id: string; label: string; isDisabled?: boolean; onAction: () => void }[]
}

export const ListContext = createContext<ListState | null>(null)

export function useList(): ListState {
  const state = useContext(ListContext)
  if (!state) throw new Error('a row outside of a list')
  return state
}
