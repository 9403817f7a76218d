/** The type under which songs are dragged: their ids. */
export const DRAGGED = 'application/x-melisma-song'
