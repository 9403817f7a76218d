/** Tags of a song: each leads to the songs that carry it; a field adds more. */
import { X } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { useSongActions } from '@/api/mutations'
import { useTags } from '@/api/queries'
import type { Song } from '@/api/types'
import { Button, IconButton } from '@/components/Button'
import { Dialog } from '@/components/Dialog'
import { TextField } from '@/components/fields'
import styles from './song.module.css'

export function TagField({ song, open, close }: { song: Song; open: boolean; close: () => void }) {
  const { t } = useTranslation(['library', 'common'])
  const { change } = useSongActions()
  const known = useTags()
  const [text, setText] = useState('')
  const set = (tags: string[]) => {
    change.mutate({ id: song.id, patch: { tags } })
  }
  const add = (words: string) => {
    const fresh = words
      .split(',')
      .map((word) => word.trim().slice(0, 40))
      .filter((word) => word && !song.tags.includes(word))
    if (fresh.length) set([...song.tags, ...fresh])
    setText('')
  }
  const others = (known.data ?? []).map((tag) => tag.name).filter((name) => !song.tags.includes(name))
  return (
    <>
      {song.tags.length ? (
        <ul className={styles.tags} aria-label={t('tags')}>
          {song.tags.map((tag) => (
            <li key={tag}>
              <Link to={`/library?tag=${encodeURIComponent(tag)}`} className={styles.tag} dir="auto">
                {tag}
              </Link>
            </li>
          ))}
        </ul>
      ) : null}
      <Dialog
        title={t('tagsOf', { title: song.title })}
        isOpen={open}
        onOpenChange={(stays) => {
          if (!stays) close()
        }}
      >
        <form
          className={styles.buttons}
          onSubmit={(event) => {
            event.preventDefault()
            add(text)
          }}
        >
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
            {t('add')}
          </Button>
        </form>
        <ul className={styles.tags} aria-label={t('tags')}>
          {song.tags.map((tag) => (
            <li key={tag} className={styles.tag}>
              {tag}
              <IconButton
                size="small"
                label={t('removeTag', { tag })}
                onPress={() => {
                  set(song.tags.filter((other) => other !== tag))
                }}
              >
                <X size={13} aria-hidden />
              </IconButton>
            </li>
          ))}
          {others.slice(0, 24).map((tag) => (
            <li key={tag}>
              <Button
                size="small"
                look="quiet"
                onPress={() => {
                  add(tag)
                }}
              >
                + {tag}
              </Button>
            </li>
          ))}
        </ul>
      </Dialog>
    </>
  )
}
