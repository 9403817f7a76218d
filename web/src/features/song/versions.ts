/** The takes of a song as a tree: each hangs beneath the one it was edited from. */
import type { Take } from '@/api/types'

export interface Version {
  take: Take
  children: Version[]
}

type Born = Pick<Take, 'id' | 'parent_id' | 'created_at' | 'number'>

const older = (a: Born, b: Born) => a.created_at.localeCompare(b.created_at) || a.number - b.number

/**
 * Roots first, oldest first. A take whose parent is of another song, or gone, is a root; discarded takes stay only where
 * something hangs beneath them.
 */
export function versionTree(takes: readonly Take[]): Version[] {
  const nodes = new Map(takes.map((take) => [take.id, { take, children: [] as Version[] }]))
  const roots: Version[] = []
  for (const node of [...nodes.values()].sort((a, b) => older(a.take, b.take))) {
    const parent = node.take.parent_id ? nodes.get(node.take.parent_id) : undefined
    if (parent && !below(node, parent)) parent.children.push(node)
    else roots.push(node)
  }
  const kept = (node: Version): Version[] => {
    const children = node.children.flatMap(kept)
    return node.take.discarded_at && !children.length ? [] : [{ take: node.take, children }]
  }
  return roots.flatMap(kept)
}

/** Whether `other` hangs somewhere beneath `node`; a circle would hide both. */
function below(node: Version, other: Version): boolean {
  return node === other || node.children.some((child) => below(child, other))
}

/** From the first take to this one. */
export function lineage(takes: readonly Take[], id: string): Take[] {
  const byId = new Map(takes.map((take) => [take.id, take]))
  const line: Take[] = []
  let take = byId.get(id)
  while (take && !line.includes(take)) {
    line.unshift(take)
    take = take.parent_id ? byId.get(take.parent_id) : undefined
  }
  return line
}

const STEMS = ['extract', 'lego']

/** Stems of a take: what was taken out of it, and what was made to be played with it. */
export const stemsOf = (takes: readonly Take[], id: string): Take[] =>
  takes.filter((take) => take.parent_id === id && STEMS.includes(take.kind) && !take.discarded_at).sort(older)

/** The track of a stem, as in 'vocals'. */
export function trackOf(take: Pick<Take, 'request'>): string | null {
  const task = (take.request as { task?: { track?: string } } | null)?.task
  return task?.track ?? null
}

/** Takes are counted through their song, whatever job made them. */
export const numberIn = (takes: readonly Pick<Take, 'id'>[], id: string): number =>
  takes.findIndex((take) => take.id === id) + 1
