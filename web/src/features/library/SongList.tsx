/**
 * A list of songs: rows or cards, only those in sight in the document, with selection, dragging and keys.
 *
 * It is React Aria's grid list in a virtualizer: arrows move, Space selects, Enter opens, F2 renames, Delete trashes, and
 * dragging works from the keyboard too (Enter on the handle, Tab between places, Enter drops).
 */
import { Ellipsis, Heart, ListPlus, ListVideo, Play, RotateCcw, Tags, Trash2, X } from 'lucide-react'
import { useMemo, useState, type KeyboardEvent, type ReactNode } from 'react'
import {
  Collection,
  GridLayout,
  GridList,
  GridListItem,
  GridListLoadMoreItem,
  ListLayout,
  Size,
  useDragAndDrop,
  Virtualizer,
  type Selection,
} from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import type { SongCard } from '@/api/types'
import { Button, IconButton } from '@/components/Button'
import { Menu } from '@/components/Menu'
import { Dialogs } from './Dialogs'
import { DRAGGED } from './dragged'
import styles from './library.module.css'
import { ListContext, type Asking, type ListState } from './ListContext'
import { SongRow } from './SongRow'
import { useVerbs } from './useVerbs'

export interface SongListProps {
  label: string
  songs: readonly SongCard[]
  layout?: 'list' | 'grid'
  compact?: boolean
  /** What was deleted: nothing here can be opened or dragged. */
  trash?: boolean
  /** Where there is more than is loaded. */
  loadMore?: (() => void) | undefined
  loading?: boolean
  empty: ReactNode
  /** Given, rows can be put in order by dragging. */
  onReorder?: (ids: string[], target: string, after: boolean) => void
  more?: ListState['more']
}

function SelectionBar({
  chosen,
  clear,
  ask,
}: {
  chosen: SongCard[]
  clear: () => void
  ask: (asking: Asking) => void
}) {
  const { t } = useTranslation('library')
  const verbs = useVerbs()
  const gone = chosen.every((song) => song.deleted_at !== null)
  const mine = chosen.filter((song) => song.mine)
  const after = (act: () => void) => () => {
    act()
    clear()
  }
  return (
    <div className={styles.selection} role="toolbar" aria-label={t('withSelected')}>
      <span className={styles.selectedCount} role="status">
        {t('selected', { count: chosen.length })}
      </span>
      {gone ? (
        <>
          <Button
            size="small"
            onPress={after(() => {
              verbs.bringBack(chosen)
            })}
          >
            <RotateCcw size={15} aria-hidden /> {t('restore')}
          </Button>
          <Button
            size="small"
            look="danger"
            onPress={() => {
              ask({ what: 'forever', songs: chosen })
            }}
          >
            <Trash2 size={15} aria-hidden /> {t('deleteForever')}
          </Button>
        </>
      ) : (
        <>
          <IconButton
            size="small"
            label={t('common:play')}
            onPress={() => {
              verbs.playAll(chosen)
            }}
          >
            <Play size={16} aria-hidden />
          </IconButton>
          <IconButton
            size="small"
            label={t('enqueue')}
            onPress={after(() => {
              verbs.enqueue(chosen)
            })}
          >
            <ListVideo size={16} aria-hidden />
          </IconButton>
          <IconButton
            size="small"
            label={t('toPlaylist')}
            onPress={() => {
              ask({ what: 'playlist', songs: chosen })
            }}
          >
            <ListPlus size={16} aria-hidden />
          </IconButton>
          <IconButton
            size="small"
            label={t('player:like')}
            isDisabled={!mine.length}
            onPress={() => {
              verbs.like(mine, !mine.every((song) => song.favourite))
            }}
          >
            <Heart size={16} aria-hidden />
          </IconButton>
          <IconButton
            size="small"
            label={t('editTags')}
            isDisabled={!mine.length}
            onPress={() => {
              ask({ what: 'tags', songs: mine })
            }}
          >
            <Tags size={16} aria-hidden />
          </IconButton>
          <Menu
            label={t('common:more')}
            trigger={
              <IconButton size="small" label={t('common:more')}>
                <Ellipsis size={16} aria-hidden />
              </IconButton>
            }
            entries={[
              {
                id: 'next',
                label: t('playNext'),
                onAction: () => {
                  verbs.playNext(chosen)
                },
              },
              {
                id: 'copy',
                label: t('duplicate'),
                onAction: () => {
                  for (const song of chosen) verbs.copy(song)
                },
              },
            ]}
          />
          <IconButton
            size="small"
            look="danger"
            label={t('toTrash')}
            isDisabled={!mine.length}
            onPress={after(() => {
              verbs.discard(mine)
            })}
          >
            <Trash2 size={16} aria-hidden />
          </IconButton>
        </>
      )}
      <IconButton size="small" label={t('clearSelection')} onPress={clear} className={styles.last}>
        <X size={16} aria-hidden />
      </IconButton>
    </div>
  )
}

export function SongList({
  label,
  songs,
  layout = 'list',
  compact = false,
  trash = false,
  loadMore,
  loading = false,
  empty,
  onReorder,
  more,
}: SongListProps) {
  const { t } = useTranslation('library')
  const navigate = useNavigate()
  const verbs = useVerbs()
  const [selection, setSelection] = useState<Selection>(new Set())
  const [renaming, setRenaming] = useState<string | null>(null)
  const [asking, setAsking] = useState<Asking>({ what: 'nothing' })

  const chosen = selection === 'all' ? [...songs] : songs.filter((song) => selection.has(song.id))
  const byId = (id: unknown) => songs.find((song) => song.id === id)
  const { dragAndDropHooks } = useDragAndDrop({
    getItems: (dragged) =>
      [...dragged].map((id) => ({ [DRAGGED]: String(id), 'text/plain': byId(id)?.title ?? '' })),
    ...(onReorder
      ? {
          onReorder: ({ keys, target }) => {
            onReorder([...keys].map(String), String(target.key), target.dropPosition === 'after')
          },
        }
      : {}),
  })
  const options = useMemo(
    () =>
      layout === 'grid'
        ? {
            minItemSize: new Size(148, 216),
            maxItemSize: new Size(260, 330),
            minSpace: new Size(14, 14),
            preserveAspectRatio: true,
          }
        : { rowHeight: compact ? 56 : 60 },
    [layout, compact],
  )

  const onKeyDown = (event: KeyboardEvent) => {
    const row = event.target instanceof Element ? event.target.closest('[data-key]') : null
    const song = byId(row?.getAttribute('data-key'))
    if (!song || event.target instanceof HTMLInputElement || !song.mine || song.deleted_at) return
    if (event.key === 'F2') setRenaming(song.id)
    else if (event.key === 'Delete') {
      verbs.discard(chosen.includes(song) ? chosen.filter((one) => one.mine) : [song])
      setSelection(new Set())
    }
  }

  return (
    <ListContext value={{ verbs, songs, layout, compact, renaming, setRenaming, ask: setAsking, more }}>
      {chosen.length ? (
        <SelectionBar
          chosen={chosen}
          ask={setAsking}
          clear={() => {
            setSelection(new Set())
          }}
        />
      ) : null}
      {/* Keys bubble up from the rows, which are the ones in focus. */}
      {/* eslint-disable-next-line jsx-a11y/no-static-element-interactions */}
      <div className={styles.listBox} onKeyDown={onKeyDown}>
        {/* Another layout is another list: its hooks differ. */}
        <Virtualizer
          key={layout}
          layout={layout === 'grid' ? GridLayout : ListLayout}
          layoutOptions={options}
        >
          <GridList
            aria-label={label}
            layout={layout === 'grid' ? 'grid' : 'stack'}
            selectionMode={compact ? 'none' : 'multiple'}
            selectedKeys={selection}
            onSelectionChange={setSelection}
            dragAndDropHooks={trash ? undefined : dragAndDropHooks}
            onAction={(id) => {
              if (!trash) void navigate(`/songs/${String(id)}`)
            }}
            className={styles.list}
            renderEmptyState={() => <div className={styles.emptyBox}>{loading ? null : empty}</div>}
          >
            <Collection items={songs}>
              {(song) => (
                <GridListItem id={song.id} textValue={song.title} className={styles.item}>
                  <SongRow song={song} draggable={!trash} />
                </GridListItem>
              )}
            </Collection>
            {loadMore ? (
              <GridListLoadMoreItem isLoading={loading} onLoadMore={loadMore} className={styles.loading}>
                {t('common:loading')}
              </GridListLoadMoreItem>
            ) : null}
          </GridList>
        </Virtualizer>
      </div>
      <Dialogs
        asking={asking}
        verbs={verbs}
        close={() => {
          setAsking({ what: 'nothing' })
        }}
      />
    </ListContext>
  )
}
