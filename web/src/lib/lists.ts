/** Lists that people put in order. */

/** The list after the items at `places` were moved, together and in their order, before or after the one at `target`. */
export function moved<T>(
  list: readonly T[],
  places: ReadonlySet<number>,
  target: number,
  after: boolean,
): T[] {
  const taken = list.filter((_, at) => places.has(at))
  const head = list.slice(0, after ? target + 1 : target).filter((_, at) => !places.has(at))
  const from = after ? target + 1 : target
  const tail = list.slice(from).filter((_, at) => !places.has(at + from))
  return [...head, ...taken, ...tail]
}
