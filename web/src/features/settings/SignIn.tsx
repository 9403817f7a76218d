import type { Me } from '@/api/types'

/** Signing in, and making the first account where `me.setup_needed`. */
export function SignIn({ me }: { me: Me }) {
  return <h1>{me.version}</h1>
}
