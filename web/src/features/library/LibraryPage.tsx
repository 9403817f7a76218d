/** All songs: search as you type, filters, order, rows or covers, the trash. */
import clsx from 'clsx'
import { ArrowDownWideNarrow, ArrowUpNarrowWide, LayoutGrid, Rows3, Trash2 } from 'lucide-react'
import { useDeferredValue, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocation, useSearchParams } from 'react-router'
import { useTrashActions } from '@/api/keeping'
import { useSongs } from '@/api/queries'
import { Button, ButtonLink, IconButton } from '@/components/Button'
import { Confirm } from '@/components/Dialog'
import { Empty, Notice } from '@/components/feedback'
import { Segments, Select, TextField } from '@/components/fields'
import { useStored } from '@/lib/stored'
import { ActiveFilters, FilterPanel } from './FilterPanel'
import { ImportButton, ImportProgress, useFileDrop, useImporting } from './Importing'
import styles from './library.module.css'
import { PlaylistShelf } from './Playlists'
import { SongList } from './SongList'
import { filterCount, fromParams, SORTS, toParams, toQuery, unfiltered, type Wanted } from './wanted'

// Enough for a few screens; a library of ten thousand is a hundred of these.
const PAGE = 100

export function LibraryPage() {
  const { t } = useTranslation('library')
  const location = useLocation()
  const [params, setParams] = useSearchParams()
  const [look, setLook] = useStored<{ layout: 'list' | 'grid' }>('melisma.library', { layout: 'list' })
  const [emptying, setEmptying] = useState(false)
  const search = useRef<HTMLInputElement>(null)
  const inAddress = fromParams(params)

  // The address follows what is typed a moment later; a field that waited for it would lose letters.
  const state = location.state as { search?: boolean; typed?: boolean } | null
  const [q, setQ] = useState(inAddress.q)
  const [seen, setSeen] = useState(location.key)
  if (seen !== location.key) {
    setSeen(location.key)
    if (!state?.typed) setQ(inAddress.q)
  }
  const wanted = { ...inAddress, q }
  const query = useDeferredValue(JSON.stringify({ ...toQuery(wanted), limit: PAGE }))
  const songs = useSongs(JSON.parse(query) as ReturnType<typeof toQuery>)
  const { empty } = useTrashActions()
  const importing = useImporting()
  const dropping = useFileDrop(importing.send)

  const want = (change: Partial<Wanted>) => {
    if (change.q !== undefined) setQ(change.q)
    setParams(toParams({ ...wanted, ...change }), { replace: true, state: { typed: true } })
  }

  const asked = state?.search
  useEffect(() => {
    if (asked) search.current?.focus()
  }, [asked, location.key])

  const list = songs.data?.pages.flatMap((page) => page.items) ?? []
  const total = songs.data?.pages[0]?.total
  const narrowed = wanted.q.trim() !== '' || filterCount(wanted) > 0
  const sort = wanted.sort ?? (wanted.q.trim() ? null : 'created')
  const upwards = (wanted.order ?? (sort === 'title' ? 'asc' : 'desc')) === 'asc'

  return (
    <div className={clsx(styles.page, dropping && styles.dropping)}>
      <header className={styles.head}>
        <div className={styles.headLine}>
          <h1>{t(wanted.trash ? 'trash' : 'common:library')}</h1>
          <span className={clsx('num', 'quiet')} role="status">
            {total === undefined ? '' : t('songs', { count: total })}
          </span>
          <span className={styles.headEnd}>
            {wanted.trash ? (
              <>
                <ButtonLink href="/library">{t('backToLibrary')}</ButtonLink>
                <Button
                  look="danger"
                  isDisabled={!list.length}
                  onPress={() => {
                    setEmptying(true)
                  }}
                >
                  {t('emptyTrash')}
                </Button>
              </>
            ) : (
              <>
                <ImportButton importing={importing} />
                <IconButton
                  label={t('trash')}
                  onPress={() => {
                    setParams({ trash: 'true' })
                  }}
                >
                  <Trash2 size={17} aria-hidden />
                </IconButton>
              </>
            )}
          </span>
        </div>
        {wanted.trash ? null : <PlaylistShelf />}
        <div className={styles.tools}>
          <TextField
            label={t('search')}
            labelHidden
            type="search"
            placeholder={t('searchHint')}
            value={wanted.q}
            onChange={(words) => {
              want({ q: words })
            }}
            inputRef={search}
            className={styles.search}
          />
          <FilterPanel wanted={wanted} want={want} />
          <Select
            label={t('sort')}
            labelHidden
            value={sort}
            none={wanted.q.trim() ? t('sorts.relevance') : undefined}
            onChange={(chosen) => {
              want({ sort: chosen, order: null })
            }}
            options={SORTS.map((one) => ({ value: one, label: t(`sorts.${one}`) }))}
            className={styles.sort}
          />
          <IconButton
            label={t(upwards ? 'ascending' : 'descending')}
            onPress={() => {
              want({ sort: wanted.sort ?? sort, order: upwards ? 'desc' : 'asc' })
            }}
          >
            {upwards ? (
              <ArrowUpNarrowWide size={17} aria-hidden />
            ) : (
              <ArrowDownWideNarrow size={17} aria-hidden />
            )}
          </IconButton>
          <Segments
            label={t('view')}
            value={look.layout}
            onChange={(layout) => {
              setLook({ layout })
            }}
            options={[
              { value: 'list', label: <Rows3 size={16} aria-label={t('asList')} /> },
              { value: 'grid', label: <LayoutGrid size={16} aria-label={t('asGrid')} /> },
            ]}
          />
        </div>
        <ActiveFilters wanted={wanted} want={want} />
        <ImportProgress importing={importing} />
        {wanted.trash && list.length ? <Notice>{t('trashText')}</Notice> : null}
      </header>
      {songs.isError ? (
        <Notice kind="bad">{songs.error.message}</Notice>
      ) : (
        <SongList
          key={wanted.trash ? 'trash' : 'songs'}
          label={t(wanted.trash ? 'trash' : 'common:library')}
          songs={list}
          trash={wanted.trash}
          layout={look.layout}
          loading={songs.isPending || songs.isFetchingNextPage}
          loadMore={songs.hasNextPage ? () => void songs.fetchNextPage() : undefined}
          empty={
            narrowed ? (
              <Empty
                title={t('nothingFound')}
                action={
                  <Button
                    onPress={() => {
                      want({ ...unfiltered(wanted), q: '' })
                    }}
                  >
                    {t('showAll')}
                  </Button>
                }
              >
                {t('nothingFoundText')}
              </Empty>
            ) : wanted.trash ? (
              <Empty title={t('trashEmpty')} />
            ) : (
              <Empty
                title={t('noSongs')}
                action={
                  <ButtonLink href="/" look="primary">
                    {t('common:toCreate')}
                  </ButtonLink>
                }
              >
                {t('noSongsText')}
              </Empty>
            )
          }
        />
      )}
      <Confirm
        title={t('emptyTrash')}
        isOpen={emptying}
        onOpenChange={setEmptying}
        action={t('deleteForever')}
        onConfirm={() => {
          empty.mutate()
        }}
      >
        {t('foreverMany', { count: total ?? 0 })}
      </Confirm>
    </div>
  )
}
