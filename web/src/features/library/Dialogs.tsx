/** What a list asks before it does something: which playlist, which tags, whether really forever. */
import { Plus } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { usePlaylistActions, useTrashActions } from '@/api/keeping'
import { usePlaylists, useTags } from '@/api/queries'
import type { SongCard } from '@/api/types'
import { Button } from '@/components/Button'
import { Confirm, Dialog } from '@/components/Dialog'
import { Chips, TextField, ToggleChip } from '@/components/fields'
import { toast } from '@/lib/toasts'
import styles from './library.module.css'
import type { Asking } from './ListContext'
import type { Verbs } from './useVerbs'

function ToPlaylist({ songs, verbs, close }: { songs: SongCard[]; verbs: Verbs; close: () => void }) {
  const { t } = useTranslation('library')
  const playlists = usePlaylists()
  const { add } = usePlaylistActions()
  const [name, setName] = useState('')
  const ids = songs.map((song) => song.id)
  const make = (event: FormEvent) => {
    event.preventDefault()
    if (!name.trim()) return
    add.mutate(
      { name: name.trim(), songIds: ids },
      {
        onSuccess: (made) => {
          toast(t('addedTo', { count: ids.length, name: made.name }))
        },
      },
    )
    close()
  }
  return (
    <Dialog
      title={t('toPlaylist')}
      isOpen
      onOpenChange={(open) => {
        if (!open) close()
      }}
    >
      <ul className={styles.choices}>
        {(playlists.data ?? [])
          .filter((one) => one.mine)
          .map((one) => (
            <li key={one.id}>
              <Button
                look="quiet"
                className={styles.choice}
                onPress={() => {
                  verbs.addTo(one, ids)
                  close()
                }}
              >
                <span dir="auto">{one.name}</span>
                <span className="num">{one.song_ids.length}</span>
              </Button>
            </li>
          ))}
      </ul>
      <form className={styles.inline} onSubmit={make}>
        <TextField
          label={t('newPlaylist')}
          labelHidden
          placeholder={t('newPlaylist')}
          value={name}
          onChange={setName}
          maxLength={120}
          // eslint-disable-next-line jsx-a11y/no-autofocus -- the dialog was opened to write here
          autoFocus
        />
        <Button type="submit" look="primary" isDisabled={!name.trim()}>
          <Plus size={16} aria-hidden /> {t('make')}
        </Button>
      </form>
    </Dialog>
  )
}

function Tagging({ songs, verbs, close }: { songs: SongCard[]; verbs: Verbs; close: () => void }) {
  const { t } = useTranslation('library')
  const known = useTags()
  const [text, setText] = useState('')
  // Rows change under this dialog with every tag; it keeps its own account.
  const [own, setOwn] = useState(() => songs.map((song) => ({ ...song, tags: [...song.tags] })))
  const names = [
    ...new Set([...own.flatMap((song) => song.tags), ...(known.data ?? []).map((tag) => tag.name)]),
  ].slice(0, 60)
  const set = (tag: string, on: boolean) => {
    verbs.retag(own, tag, on)
    setOwn(
      own.map((song) => ({
        ...song,
        tags: on ? [...new Set([...song.tags, tag])] : song.tags.filter((other) => other !== tag),
      })),
    )
  }
  const add = (event: FormEvent) => {
    event.preventDefault()
    for (const tag of text.split(',').map((one) => one.trim().slice(0, 40))) if (tag) set(tag, true)
    setText('')
  }
  return (
    <Dialog
      title={
        songs.length === 1
          ? t('tagsOf', { title: songs[0]?.title })
          : t('tagsOfMany', { count: songs.length })
      }
      isOpen
      onOpenChange={(open) => {
        if (!open) close()
      }}
    >
      <form className={styles.inline} onSubmit={add}>
        <TextField
          label={t('newTag')}
          labelHidden
          placeholder={t('newTag')}
          value={text}
          onChange={setText}
          // eslint-disable-next-line jsx-a11y/no-autofocus -- the dialog was opened to write here
          autoFocus
        />
        <Button type="submit" isDisabled={!text.trim()}>
          <Plus size={16} aria-hidden /> {t('add')}
        </Button>
      </form>
      {names.length ? (
        <Chips label={t('tags')}>
          {names.map((tag) => (
            <ToggleChip
              key={tag}
              isSelected={own.every((song) => song.tags.includes(tag))}
              onChange={(on) => {
                set(tag, on)
              }}
            >
              {tag}
            </ToggleChip>
          ))}
        </Chips>
      ) : (
        <p className="quiet">{t('noTags')}</p>
      )}
    </Dialog>
  )
}

function Forever({ songs, close }: { songs: SongCard[]; close: () => void }) {
  const { t } = useTranslation('library')
  const { forever } = useTrashActions()
  return (
    <Confirm
      title={t('deleteForever')}
      isOpen
      onOpenChange={(open) => {
        if (!open) close()
      }}
      action={t('deleteForever')}
      onConfirm={() => {
        for (const song of songs) forever.mutate(song.id)
      }}
    >
      {songs.length === 1
        ? t('foreverText', { title: songs[0]?.title })
        : t('foreverMany', { count: songs.length })}
    </Confirm>
  )
}

export function Dialogs({ asking, verbs, close }: { asking: Asking; verbs: Verbs; close: () => void }) {
  switch (asking.what) {
    case 'playlist':
      return <ToPlaylist songs={asking.songs} verbs={verbs} close={close} />
    case 'tags':
      return <Tagging songs={asking.songs} verbs={verbs} close={close} />
    case 'forever':
      return <Forever songs={asking.songs} close={close} />
    case 'nothing':
      return null
  }
}
