import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript'
import js from '@eslint/js'
import prettier from 'eslint-config-prettier'
import { importX } from 'eslint-plugin-import-x'
import a11y from 'eslint-plugin-jsx-a11y'
import hooks from 'eslint-plugin-react-hooks'
import { readdirSync } from 'node:fs'
import tseslint from 'typescript-eslint'

const features = readdirSync('src/features')

// Features meet in src/app alone. The player's store is the one public door: everything that sounds goes through it.
const zones = [
  ...features.map((name) => ({
    target: `./src/features/${name}`,
    from: './src/features',
    except: [`./${name}`, './player/store.ts'],
    message: 'Features do not import each other; put what both need into components, lib or api.',
  })),
  {
    target: ['./src/components', './src/lib', './src/api', './src/i18n'],
    from: ['./src/features', './src/app'],
    message: 'Imports point one way: app, features, components, lib, api.',
  },
  { target: './src/features', from: './src/app', message: 'Features do not know the app around them.' },
]

export default tseslint.config(
  { ignores: ['node_modules', 'src/api/schema.ts'] },
  js.configs.recommended,
  tseslint.configs.strict,
  a11y.flatConfigs.recommended,
  hooks.configs.flat.recommended,
  {
    plugins: { 'import-x': importX },
    settings: {
      'import-x/resolver-next': [createTypeScriptImportResolver({ project: import.meta.dirname })],
    },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'import-x/no-restricted-paths': ['error', { basePath: import.meta.dirname, zones }],
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
  { files: ['*.js', 'scripts/**'], ...tseslint.configs.disableTypeChecked },
  prettier,
)
