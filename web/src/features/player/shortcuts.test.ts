import { describe, expect, it } from 'vitest'
import { commandOf, SHORTCUTS } from './shortcuts'

const press = (key: string, more: Partial<KeyboardEvent> = {}) => ({
  key,
  shiftKey: false,
  altKey: false,
  ctrlKey: false,
  metaKey: false,
  defaultPrevented: false,
  ...more,
})

function place(html: string): Element {
  document.body.innerHTML = html
  return document.body.querySelector('[data-here]')!
}

describe('shortcuts', () => {
  it('give each key to one command', () => {
    const all = SHORTCUTS.flatMap((one) => one.keys)
    expect(new Set(all).size).toBe(all.length)
  })

  it('read letters in either case, and Shift where it counts', () => {
    expect(commandOf(press('K'), document.body)).toBe('toggle')
    expect(commandOf(press('ArrowRight'), document.body)).toBe('forward')
    expect(commandOf(press('ArrowRight', { shiftKey: true }), document.body)).toBe('next')
    expect(commandOf(press('?', { shiftKey: true }), document.body)).toBe('help')
    expect(commandOf(press('x'), document.body)).toBeNull()
  })

  it('leave the keys of the browser alone', () => {
    expect(commandOf(press('l', { ctrlKey: true }), document.body)).toBeNull()
    expect(commandOf(press(' ', { defaultPrevented: true }), document.body)).toBeNull()
  })

  it('leave a text field everything', () => {
    expect(commandOf(press(' '), place('<input data-here />'))).toBeNull()
    expect(commandOf(press('j'), place('<textarea data-here></textarea>'))).toBeNull()
  })

  it('leave a button its Space and a list its arrows, but not J, K and L', () => {
    const button = place('<button data-here>x</button>')
    expect(commandOf(press(' '), button)).toBeNull()
    expect(commandOf(press('j'), button)).toBe('jumpBack')
    const row = place('<div role="grid"><div role="row" data-here></div></div>')
    expect(commandOf(press('ArrowDown'), row)).toBeNull()
    expect(commandOf(press('k'), row)).toBe('toggle')
  })
})
