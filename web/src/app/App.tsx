/** The page as a whole: query cache, addresses, and who may see them. */
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import i18next from 'i18next'
import { I18nProvider, RouterProvider as AriaRouter } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { createBrowserRouter, Outlet, RouterProvider, useHref, useNavigate } from 'react-router'
import { Refused } from '@/api/client'
import { keys } from '@/api/keys'
import { toast } from '@/lib/toasts'
import { Broken } from './Broken'
import { Gate } from './Gate'
import { NotFound } from './NotFound'
import { Shell } from './Shell'
import { CreateRoute } from './routes/CreateRoute'

const cache: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error) => {
      // A session that ended: ask who is there, and the gate shows the way back in.
      if (error instanceof Refused && error.status === 401)
        void cache.invalidateQueries({ queryKey: keys.me })
    },
  }),
  mutationCache: new MutationCache({
    onError: (error, _variables, _context, mutation) => {
      if (mutation.meta?.['quiet']) return
      const unheard = error instanceof Refused && error.code === 'offline'
      toast(unheard ? i18next.t('common:offline') : error.message)
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      retry: (count, error) =>
        count < 2 && !(error instanceof Refused && error.status >= 400 && error.status < 500),
    },
  },
})

function Root() {
  const navigate = useNavigate()
  return (
    <AriaRouter navigate={(to) => void navigate(to)} useHref={useHref}>
      <Gate>
        <Outlet />
      </Gate>
    </AriaRouter>
  )
}

const router = createBrowserRouter([
  {
    element: <Root />,
    // Nothing is rendered on a server; the first part loads before anything is shown.
    HydrateFallback: () => null,
    errorElement: <Broken />,
    children: [
      {
        element: <Shell />,
        children: [
          {
            errorElement: <Broken />,
            children: [
              { index: true, element: <CreateRoute /> },
              { path: 'library', lazy: () => import('./routes/LibraryRoute') },
              { path: 'playlists/:playlistId', lazy: () => import('./routes/PlaylistRoute') },
              { path: 'songs/:songId', lazy: () => import('./routes/SongRoute') },
              { path: 'songs/:songId/compare', lazy: () => import('./routes/CompareRoute') },
              { path: 'player', lazy: () => import('./routes/PlayerRoute') },
              { path: 'settings/*', lazy: () => import('./routes/SettingsRoute') },
              { path: '*', element: <NotFound /> },
            ],
          },
        ],
      },
    ],
  },
])

export function App() {
  const { i18n } = useTranslation()
  return (
    <I18nProvider locale={i18n.resolvedLanguage ?? 'en'}>
      <QueryClientProvider client={cache}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </I18nProvider>
  )
}
