import { useDeferredValue, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { useSongs } from '@/api/queries'
import { Empty } from '@/components/feedback'
import { TextField } from '@/components/fields'
import styles from './library.module.css'
import { SongList } from './SongList'

export function ColumnBrowser() {
  const { t } = useTranslation('library')
  const [words, setWords] = useState('')
  const q = useDeferredValue(words.trim())
  const songs = useSongs(q ? { q } : {})
  const list = songs.data?.pages.flatMap((page) => page.items) ?? []
  return (
    <section className={styles.column} aria-label={t('common:library')}>
      <div className={styles.columnHead}>
        <h2>
          <Link to="/library">{t('common:library')}</Link>
        </h2>
        <TextField
          label={t('search')}
          labelHidden
          type="search"
          placeholder={t('search')}
          value={words}
          onChange={setWords}
          className={styles.search}
        />
      </div>
      <SongList
        compact
        label={t('common:library')}
        songs={list}
        loading={songs.isPending || songs.isFetchingNextPage}
        loadMore={songs.hasNextPage ? () => void songs.fetchNextPage() : undefined}
        empty={
          q ? (
            <Empty title={t('nothingFound')}>{t('nothingFoundText')}</Empty>
          ) : (
            <Empty title={t('noSongs')}>{t('noSongsText')}</Empty>
          )
        }
      />
    </section>
  )
}
