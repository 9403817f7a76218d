/** The button that plays a take. */
import { Pause, Play } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import type { Take } from '@/api/types'
import { IconButton } from '@/components/Button'
import { useSounding } from './useTakes'

export function TakePlay({
  take,
  number,
  toggle,
  size = 'small',
}: {
  take: Take
  number: number
  toggle: (take: Take) => void
  size?: 'small' | 'medium'
}) {
  const { t } = useTranslation('takes')
  const sounding = useSounding(take.id)
  const playing = sounding === 'playing'
  const Icon = playing ? Pause : Play
  return (
    <IconButton
      label={t(playing ? 'pause' : 'play', { number })}
      look={sounding ? 'primary' : 'secondary'}
      size={size}
      round
      onPress={() => {
        toggle(take)
      }}
    >
      <Icon size={size === 'small' ? 14 : 16} fill="currentColor" aria-hidden />
    </IconButton>
  )
}
