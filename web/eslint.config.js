import js from '@eslint/js'
import prettier from 'eslint-config-prettier'
import a11y from 'eslint-plugin-jsx-a11y'
import hooks from 'eslint-plugin-react-hooks'
import { readdirSync } from 'node:fs'
import tseslint from 'typescript-eslint'

const forbidden = (files, regex, message) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns: [{ regex, message }] }] },
})

// Features meet in src/app alone. The player's store is the one public door: everything that sounds goes through it.
const borders = [
  ...readdirSync('src/features').map((name) =>
    forbidden(
      [`src/features/${name}/**`],
      `^@/(app/|features/(?!player/store$|${name}/))|^\\.\\./`,
      'Features do not import each other, nor the app around them; put what several need into components, lib or api.',
    ),
  ),
  forbidden(
    ['src/{components,lib,api,i18n}/**'],
    '^@/(app|features)/',
    'Imports point one way: app, features, components, lib and api.',
  ),
]

export default tseslint.config(
  { ignores: ['node_modules', 'scripts', 'src/api/schema.ts'] },
  js.configs.recommended,
  tseslint.configs.strict,
  a11y.flatConfigs.recommended,
  hooks.configs.flat.recommended,
  {
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      'react-hooks/incompatible-library': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: 'Words are rendered as text.',
        },
      ],
    },
  },
  ...borders,
  prettier,
)
