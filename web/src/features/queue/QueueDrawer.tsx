import { Drawer } from '@/components/Dialog'

export function QueueDrawer(props: { isOpen: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Drawer title="Queue" {...props}>
      …
    </Drawer>
  )
}
