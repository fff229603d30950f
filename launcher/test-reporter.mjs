// What vitest found, as `npm test` counts it: tests by outcome, and everything that went wrong outside of a test.
import { writeFileSync } from 'node:fs'

/** Written to the file that TEST_OUTCOME_FILE names, once, at the end of the run. */
export default class OutcomeReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const outcome = { passed: 0, failed: 0, skipped: 0, failures: [], skips: [] }
    const fail = (name) => {
      outcome.failed++
      outcome.failures.push(name)
    }
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        const name = `${module.relativeModuleId}: ${test.fullName}`
        if (state === 'passed') outcome.passed++
        else if (state === 'failed') fail(name)
        else if (state === 'pending') fail(`${name} (it never ended)`)
        else {
          outcome.skipped++
          outcome.skips.push(name)
        }
      }
      for (const suite of module.children.allSuites())
        for (const error of suite.errors())
          fail(`${module.relativeModuleId}: ${suite.fullName}: ${error.message}`)
      for (const error of module.errors()) fail(`${module.relativeModuleId}: ${error.message}`)
      // A process that died takes its file's tests with it; none of them may be missed.
      if (module.state() === 'pending' || module.state() === 'queued')
        fail(`${module.relativeModuleId}: it never ended`)
    }
    for (const error of unhandledErrors) fail(`outside of a test: ${error.message}`)
    writeFileSync(process.env.TEST_OUTCOME_FILE, JSON.stringify(outcome))
  }
}
