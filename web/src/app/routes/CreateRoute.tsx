import { Compose } from '@/features/compose/Compose'

export function CreateRoute() {
  return <Compose />
}
