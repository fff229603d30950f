import { configDefaults, defineConfig } from 'vitest/config'

/**
 * Whole systems of real processes that are killed, restored and cloned, and a contract that holds by other ways in `npm test`: minutes
 * each. `npm run test:long` runs them, `npm test` the others.
 */
const LONG = [
  ...['restore', 'lanes', 'faults', 'simulated-site', 'alerting', 'load'].map(
    (it) => `end-to-end/src/${it}.test.ts`,
  ),
  'cloud/src/platform/database-contract-more.test.ts',
]
const EVERYWHERE = ['**/*.test.{ts,tsx}']
const NOWHERE = [...configDefaults.exclude, '**/dist/**', '**/generated/**', '.switchyard/**']

export default defineConfig({
  test: {
    // A process per file: native addons and worker threads of one test must not outlive it into the next.
    pool: 'forks',
    // Tests run real databases and brokers; two at a time leave them a core.
    maxWorkers: 2,
    // Generous bounds against hanging, never a measure: conditions are awaited.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 20_000,
    expect: { poll: { timeout: 30_000 } },
    projects: [
      { extends: true, test: { name: 'short', include: EVERYWHERE, exclude: [...NOWHERE, ...LONG] } },
      { extends: true, test: { name: 'long', include: LONG, exclude: NOWHERE } },
    ],
  },
})
