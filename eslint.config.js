import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const clockless = 'Time, timers and randomness come from lib/core/clock.ts, so that everything can be simulated.';
const timers = ['setTimeout', 'setInterval', 'setImmediate', 'performance'];
const forbidden = (object, ...properties) => properties.map((property) => ({ object, property, message: clockless }));

/** No clock but the injected one. */
const noClock = {
  'no-restricted-globals': ['error', ...timers.map((name) => ({ name, message: clockless }))],
  'no-restricted-properties': [
    'error',
    ...forbidden('Date', 'now'),
    ...forbidden('Math', 'random'),
    ...forbidden('process', 'hrtime'),
    ...forbidden('AbortSignal', 'timeout'),
    ...forbidden('globalThis', ...timers),
  ],
  'no-restricted-syntax': [
    'error',
    { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: clockless },
    { selector: "CallExpression[callee.name='Date']", message: clockless },
  ],
  'no-restricted-imports': [
    'error',
    { paths: ['timers', 'timers/promises', 'perf_hooks', 'node:timers', 'node:timers/promises', 'node:perf_hooks'].map((name) => ({ name, message: clockless })) },
  ],
};

export default defineConfig(
  { ignores: ['node_modules/', '.millrace*/', 'coverage/', 'dist/'] },
  {
    files: ['**/*.{ts,mts,js,mjs,cjs}'],
    languageOptions: { parser: tseslint.parser },
    plugins: { '@typescript-eslint': tseslint.plugin },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'max-lines': ['error', { max: 300 }],
      'max-lines-per-function': ['error', { max: 70 }],
      'no-debugger': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-unreachable': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': 'allow-with-description', 'ts-ignore': true, 'ts-nocheck': true }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
    },
  },
  { files: ['topology/**'], rules: noClock },
  { files: ['lib/**'], ignores: ['lib/core/clock.ts', 'lib/stack/**', 'lib/cli/**'], rules: noClock },
  {
    files: ['lib/**/*.ts', 'topology/**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: { '@typescript-eslint/no-floating-promises': 'error' },
  },
  // A suite is one callback around all its cases.
  { files: ['test/**'], rules: { 'max-lines-per-function': 'off' } },
);
