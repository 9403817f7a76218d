/** Which key does what, everywhere in the page. The sheet that lists them reads the same table. */
export type Command =
  | 'toggle'
  | 'back'
  | 'forward'
  | 'jumpBack'
  | 'jumpForward'
  | 'previous'
  | 'next'
  | 'louder'
  | 'quieter'
  | 'mute'
  | 'slower'
  | 'faster'
  | 'loop'
  | 'repeat'
  | 'favourite'
  | 'search'
  | 'lyrics'
  | 'help'

export interface Shortcut {
  command: Command
  /** As `KeyboardEvent.key` has it, lower case; 'shift+' before it where Shift counts. */
  keys: readonly string[]
  /** As it is printed on keys. */
  shown: readonly string[]
}

export const SHORTCUTS: readonly Shortcut[] = [
  { command: 'toggle', keys: [' ', 'k'], shown: ['Space', 'K'] },
  { command: 'back', keys: ['arrowleft'], shown: ['←'] },
  { command: 'forward', keys: ['arrowright'], shown: ['→'] },
  { command: 'jumpBack', keys: ['j'], shown: ['J'] },
  { command: 'jumpForward', keys: ['l'], shown: ['L'] },
  { command: 'previous', keys: ['shift+arrowleft'], shown: ['Shift ←'] },
  { command: 'next', keys: ['shift+arrowright'], shown: ['Shift →'] },
  { command: 'louder', keys: ['arrowup'], shown: ['↑'] },
  { command: 'quieter', keys: ['arrowdown'], shown: ['↓'] },
  { command: 'mute', keys: ['m'], shown: ['M'] },
  { command: 'slower', keys: ['[', '<', 'shift+<'], shown: ['['] },
  { command: 'faster', keys: [']', '>', 'shift+>'], shown: [']'] },
  { command: 'loop', keys: ['o'], shown: ['O'] },
  { command: 'repeat', keys: ['r'], shown: ['R'] },
  { command: 'favourite', keys: ['f'], shown: ['F'] },
  { command: 'lyrics', keys: ['y'], shown: ['Y'] },
  { command: 'search', keys: ['/', 'shift+/'], shown: ['/'] },
  { command: 'help', keys: ['?', 'shift+?'], shown: ['?'] },
]

const BY_KEY = new Map(SHORTCUTS.flatMap(({ command, keys }) => keys.map((key) => [key, command] as const)))

type Pressed = Pick<KeyboardEvent, 'key' | 'shiftKey' | 'altKey' | 'ctrlKey' | 'metaKey' | 'defaultPrevented'>

/** Keys that the focused element wants for itself. */
function taken(key: string, target: Element | null): boolean {
  if (!target) return false
  if (target.closest('input:not([type=range], [type=checkbox]), textarea, select, [contenteditable=true]'))
    return true
  // A menu, list or dialog moves its own focus; the page beneath stays as it is.
  if (target.closest('[role=menu], [role=listbox], [role=dialog], [role=alertdialog]')) return true
  const arrows = key.startsWith('arrow')
  if (
    arrows &&
    target.closest('[role=slider], [role=grid], [role=treegrid], [role=tablist], [role=radiogroup]')
  )
    return true
  if (arrows && target.closest('input[type=range], [role=toolbar]')) return true
  return (
    key === ' ' && Boolean(target.closest('button, a[href], summary, [role=row], [role=tab], [role=switch]'))
  )
}

/** The command of a key press, unless somebody else wants the key. */
export function commandOf(event: Pressed, target: Element | null): Command | null {
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return null
  const key = event.key.toLowerCase()
  if (taken(key, target)) return null
  return BY_KEY.get(event.shiftKey ? `shift+${key}` : key) ?? null
}
