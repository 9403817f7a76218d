/**
 * Words of the page. English is built in; another language loads as one piece when it is chosen.
 *
 * Catalogues are src/i18n/<language>/<namespace>.json, one namespace per feature and `common` for all.
 */
import i18next, { type BackendModule } from 'i18next'
import { initReactI18next } from 'react-i18next'
import { english } from './en'

export const LANGUAGES = { en: 'English', de: 'Deutsch', es: 'Español', ja: '日本語', zh: '中文' } as const
export type Language = keyof typeof LANGUAGES

const KEY = 'melisma.language'
const RIGHT_TO_LEFT = ['ar', 'fa', 'he', 'ur']

type Catalogue = Record<string, object>
const catalogues = import.meta.glob<Catalogue>(['./*/index.ts', '!./en/index.ts'], { import: 'default' })

const backend: BackendModule = {
  type: 'backend',
  init: () => undefined,
  read: (language, namespace, done) => {
    const load = catalogues[`./${language}/index.ts`]
    if (!load) {
      done(new Error(`no catalogue for ${language}`), null)
      return
    }
    load().then(
      (all) => {
        done(null, (all[namespace] ?? {}) as Record<string, string>)
      },
      (error: unknown) => {
        done(error as Error, null)
      },
    )
  },
}

function isLanguage(code: string): code is Language {
  return code in LANGUAGES
}

export function preferredLanguage(): Language {
  const wanted = [localStorage.getItem(KEY), ...navigator.languages]
  for (const code of wanted) {
    const short = code?.split('-')[0] ?? ''
    if (isLanguage(short)) return short
  }
  return 'en'
}

function mark(code: string): void {
  document.documentElement.lang = code
  document.documentElement.dir = RIGHT_TO_LEFT.includes(code) ? 'rtl' : 'ltr'
}

export function chooseLanguage(code: Language): void {
  localStorage.setItem(KEY, code)
  void i18next.changeLanguage(code)
}

i18next.on('languageChanged', mark)

export const ready = i18next
  .use(backend)
  .use(initReactI18next)
  .init({
    lng: preferredLanguage(),
    fallbackLng: 'en',
    supportedLngs: Object.keys(LANGUAGES),
    load: 'languageOnly',
    ns: Object.keys(english),
    defaultNS: 'common',
    resources: { en: english },
    partialBundledLanguages: true,
    showSupportNotice: false,
    interpolation: { escapeValue: false },
    react: { useSuspense: false },
  })
