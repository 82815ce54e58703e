import js from '@eslint/js'
import svelte from 'eslint-plugin-svelte'
import { defineConfig, globalIgnores } from 'eslint/config'
import globals from 'globals'
import tseslint from 'typescript-eslint'

const oneIdeaAFile = { 'max-lines': ['error', { max: 400, skipBlankLines: false, skipComments: false }] }

const ours = {
  ...oneIdeaAFile,
  eqeqeq: 'error',
  'no-console': 'error',
  'no-restricted-syntax': [
    'error',
    {
      selector: 'TSAsExpression > TSAsExpression[typeAnnotation.type="TSUnknownKeyword"]',
      message: 'A double assertion hides a wrong type: parse or narrow it.'
    },
    { selector: 'ExportDefaultDeclaration', message: 'Use a named export: the name says what it is at every place of use.' }
  ]
}

const typed = {
  '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
  '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
  '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true }],
  '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: 'only-allowed-literals' }],
  // What an AbortSignal was aborted with is unknown, and is thrown and rejected as it is.
  '@typescript-eslint/only-throw-error': ['error', { allowThrowingAny: true, allowThrowingUnknown: true }],
  '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingAny: true, allowThrowingUnknown: true }],
  // An adapter of an asynchronous port may have nothing to wait for.
  '@typescript-eslint/require-await': 'off',
  '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }]
}

export default defineConfig(
  globalIgnores(['**/node_modules/', '**/dist/', '**/coverage/', '**/.peercompute/', '**/*.as.ts', 'docs/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [js.configs.recommended, tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname, extraFileExtensions: ['.svelte'] }
    },
    rules: { ...ours, ...typed }
  },
  {
    files: ['**/*.test.ts', 'tests/**/*.ts'],
    // Asymmetric matchers such as expect.any() are typed `any` by the library.
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off' }
  },
  { files: ['cli/**/*.ts', 'bench/**/*.ts', 'tests/**/*.ts', '**/*.test.ts'], rules: { 'no-console': 'off' } },
  // Tools that look for a default export.
  { files: ['**/*.config.ts', '**/*.config.mjs', 'tests/**/*.setup.ts'], rules: { 'no-restricted-syntax': 'off' } },
  {
    // The parser for components comes last: the TypeScript set brings its own.
    files: ['**/*.svelte', '**/*.svelte.ts'],
    extends: [js.configs.recommended, tseslint.configs.strict, svelte.configs.recommended],
    languageOptions: {
      globals: globals.browser,
      parserOptions: { parser: tseslint.parser, extraFileExtensions: ['.svelte'] }
    },
    // State changes while a method awaits, which the rule does not see.
    rules: { '@typescript-eslint/no-unnecessary-condition': 'off' }
  },
  {
    files: ['**/*.svelte'],
    // svelte-check sees undefined names, with types.
    rules: { ...oneIdeaAFile, 'no-undef': 'off', 'no-console': 'error' }
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    extends: [js.configs.recommended],
    languageOptions: { globals: globals.node },
    rules: { ...oneIdeaAFile, eqeqeq: 'error' }
  },
  { files: ['dashboard/public/**/*.js'], languageOptions: { globals: globals.browser } },
  // A kernel's ABI is its default export; it runs without any platform global but the language's own.
  { files: ['kernels/**/*.js', 'examples/**/*.js'], languageOptions: { globals: globals.worker } }
)
