/** Playlists beside the page and above the library; songs can be dropped on them. */
import { ListMusic, Plus, Users } from 'lucide-react'
import { useState } from 'react'
import { DropZone, isTextDropItem, type DropItem } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { NavLink, useNavigate } from 'react-router'
import { usePlaylistActions } from '@/api/keeping'
import { usePlaylists } from '@/api/queries'
import type { Playlist } from '@/api/types'
import { Button, IconButton } from '@/components/Button'
import { InlineField } from '@/components/InlineEdit'
import { DRAGGED } from './dragged'
import styles from './library.module.css'
import { useVerbs } from './useVerbs'

async function idsOf(items: readonly DropItem[]): Promise<string[]> {
  const dragged = items.filter(isTextDropItem).filter((item) => item.types.has(DRAGGED))
  return Promise.all(dragged.map((item) => item.getText(DRAGGED)))
}

function Place({ playlist }: { playlist: Playlist }) {
  const verbs = useVerbs()
  const link = (
    <NavLink to={`/playlists/${playlist.id}`} className={styles.placeLink}>
      {playlist.mine ? <ListMusic size={15} aria-hidden /> : <Users size={15} aria-hidden />}
      <span className={styles.placeName} dir="auto">
        {playlist.name}
      </span>
      <span className="num quiet">{playlist.song_ids.length}</span>
    </NavLink>
  )
  if (!playlist.mine) return link
  return (
    <DropZone
      aria-label={playlist.name}
      className={styles.dropZone}
      getDropOperation={(types) => (types.has(DRAGGED) ? 'copy' : 'cancel')}
      onDrop={({ items }) => {
        void idsOf(items).then((ids) => {
          verbs.addTo(playlist, ids)
        })
      }}
    >
      {link}
    </DropZone>
  )
}

function NewPlaylist({ done }: { done: () => void }) {
  const { t } = useTranslation('library')
  const navigate = useNavigate()
  const { add } = usePlaylistActions()
  return (
    <InlineField
      label={t('newPlaylist')}
      value=""
      maxLength={120}
      className={styles.newName}
      onDone={(name) => {
        done()
        if (name) add.mutate({ name }, { onSuccess: (made) => void navigate(`/playlists/${made.id}`) })
      }}
    />
  )
}

export function Playlists() {
  const { t } = useTranslation('library')
  const playlists = usePlaylists()
  const [making, setMaking] = useState(false)
  return (
    <section className={styles.sidebar} aria-label={t('common:playlists')}>
      <div className={styles.sidebarHead}>
        <h2>{t('common:playlists')}</h2>
        <IconButton
          size="small"
          label={t('newPlaylist')}
          onPress={() => {
            setMaking(true)
          }}
        >
          <Plus size={16} aria-hidden />
        </IconButton>
      </div>
      {making ? (
        <NewPlaylist
          done={() => {
            setMaking(false)
          }}
        />
      ) : null}
      {(playlists.data ?? []).map((playlist) => (
        <Place key={playlist.id} playlist={playlist} />
      ))}
    </section>
  )
}

/** The same playlists as a row, where there is no room beside the page. */
export function PlaylistShelf() {
  const { t } = useTranslation('library')
  const playlists = usePlaylists()
  const [making, setMaking] = useState(false)
  return (
    <nav className={styles.shelf} aria-label={t('common:playlists')}>
      {(playlists.data ?? []).map((playlist) => (
        <Place key={playlist.id} playlist={playlist} />
      ))}
      {making ? (
        <NewPlaylist
          done={() => {
            setMaking(false)
          }}
        />
      ) : (
        <Button
          size="small"
          look="quiet"
          onPress={() => {
            setMaking(true)
          }}
        >
          <Plus size={16} aria-hidden /> {t('newPlaylist')}
        </Button>
      )}
    </nav>
  )
}
