/**
 * The way to the studio: a typed fetch over the OpenAPI schema.
 *
 * Every refusal becomes a `Refused` that carries the server's words for a person, so callers and TanStack Query need no
 * further parsing.
 */
import createClient, { type Middleware } from 'openapi-fetch'
import { drawName } from '@/lib/random'
import type { components, paths } from './schema'

export type Shapes = components['schemas']

/** A request the studio turned down, or could not be asked. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code: string | null = null,
  ) {
    super(message)
    this.name = 'Refused'
  }
}

let csrf: string | null = null

/** Remember the token that changes must carry where people sign in. */
export function setCsrf(token: string | null): void {
  csrf = token
}

export function csrfHeaders(): Record<string, string> {
  return csrf ? { 'X-CSRF-Token': csrf } : {}
}

const guard: Middleware = {
  onRequest({ request }) {
    if (csrf && request.method !== 'GET') request.headers.set('X-CSRF-Token', csrf)
    return request
  },
}

/**
 * JSON in which a BigInt is written as a number: seeds reach 2⁶³ and JavaScript's numbers do not.
 */
export function exactJson(value: unknown): string {
  const mark = `int-${drawName()}-`
  const text = JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'bigint' ? mark + item.toString() : item,
  )
  return text.replaceAll(new RegExp(`"${mark}(-?\\d+)"`, 'g'), '$1')
}

/** A decimal number, as the API's texts carry it, where a shape wants a number; no digit is lost. */
export function exactInteger(text: string): number {
  return BigInt(text) as unknown as number
}

export const client = createClient<paths>({ baseUrl: globalThis.location.origin, bodySerializer: exactJson })
client.use(guard)

/** The words of an error answer, whichever of the server's forms it has. */
export function problemText(body: unknown, status: number): string {
  const detail = (body as { detail?: unknown } | null | undefined)?.detail
  if (typeof detail === 'string') return detail
  if (Array.isArray(detail))
    return detail
      .map((item: { loc?: unknown[]; msg?: string }) => {
        const field = (item.loc ?? []).filter((part) => part !== 'body').join('.')
        return field ? `${field}: ${item.msg ?? ''}` : (item.msg ?? '')
      })
      .join('\n')
  return `The studio answered ${status}.`
}

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

/** The data of an answer, or a `Refused`. */
export async function told<T>(asked: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>
  try {
    answer = await asked
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Refused(0, 'The studio does not answer.', 'offline')
  }
  if (!answer.response.ok) {
    const code = (answer.error as { code?: string | null } | undefined)?.code ?? null
    throw new Refused(answer.response.status, problemText(answer.error, answer.response.status), code)
  }
  return answer.data as T
}
