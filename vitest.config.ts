import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['**/*.test.{ts,tsx}'],
    exclude: ['**/node_modules/**', '**/dist/**', '**/generated/**', '.switchyard/**'],
    // A process per file: native addons and worker threads of one test must not outlive it into the next.
    pool: 'forks',
    // Tests run real databases and brokers; two at a time leave them a core.
    maxWorkers: 2,
    // Generous bounds against hanging, never a measure: conditions are awaited.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
})
