/** Short messages that go by themselves, often with an undo. */
import { create } from 'zustand'

export interface Toast {
  id: number
  text: string
  lastsMs: number
  action?: { label: string; run: () => void }
}

export const useToasts = create<{ toasts: Toast[] }>(() => ({ toasts: [] }))

let count = 0

/** Say something. With an action there is more time to read it. */
export function toast(text: string, action?: Toast['action']): number {
  const id = ++count
  useToasts.setState(({ toasts }) => ({
    toasts: [...toasts.slice(-2), { id, text, lastsMs: action ? 10_000 : 5_000, action }],
  }))
  return id
}

export function dismiss(id: number): void {
  useToasts.setState(({ toasts }) => ({ toasts: toasts.filter((other) => other.id !== id) }))
}
