/** The library beside Create, on wide screens. */
export function LibraryColumn() {
  return null
}
