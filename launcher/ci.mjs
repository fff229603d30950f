// `.ci/run`: every stage one after the other; the last line says how many passed and failed over all of them.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { PROJECT } from './project.mjs'

/** A stage ends with a line "N passed, N failed", perhaps with more behind it; one that does not count is one check. */
const OUTCOME = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?/

const STAGES = [
  { name: 'tests', file: 'test.mjs', args: [] },
  { name: 'long tests', file: 'test.mjs', args: ['--long'] },
  { name: 'worlds', file: 'simulate.mjs', args: ['--seeds', '2000'] },
  { name: 'chaos', file: 'chaos.mjs', args: ['--rounds', '20', '--seed', '1'] },
  // No script begins after so many minutes, so that all stages fit into forty; and where no engine can run, that is said, and none does.
  {
    name: 'deployments',
    file: '../deploy/test/run.sh',
    args: ['--fast', '--if-able', '--minutes', '9', '--no-record'],
  },
]

const sum = { passed: 0, failed: 0, skipped: 0 }
for (const { name, file, args } of STAGES) {
  const startedMs = performance.now()
  console.log(`\n=== ${name}`)
  const { code, outcome } = await runStage(join(PROJECT, 'launcher', file), args)
  if (code === 0 && outcome.passed + outcome.failed + outcome.skipped === 0) outcome.passed = 1
  sum.passed += outcome.passed
  sum.skipped += outcome.skipped
  // A stage that broke off has found something wrong, whatever it counted until then.
  sum.failed += code === 0 ? outcome.failed : Math.max(1, outcome.failed)
  console.log(`=== ${name}: ${Math.round((performance.now() - startedMs) / 1000)} s, exit code ${code}`)
}
console.log(`${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ''}`)
process.exitCode = sum.failed > 0 ? 1 : 0

/** Shows its output as it comes; signals are passed on, and its end is waited for. */
function runStage(file, args) {
  return new Promise((resolve) => {
    const outcome = { passed: 0, failed: 0, skipped: 0 }
    const [program, ...before] = file.endsWith('.mjs') ? [process.execPath, file] : [file]
    const child = spawn(program, [...before, ...args], {
      cwd: PROJECT,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const forward = (signal) => {
      child.kill(signal)
      child.once('exit', () => process.exit(130))
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, forward)
    let rest = ''
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (text) => {
      process.stdout.write(text)
      const lines = (rest + text).split('\n')
      rest = lines.pop()
      for (const line of lines) {
        const found = OUTCOME.exec(line)
        if (found)
          Object.assign(outcome, {
            passed: Number(found[1]),
            failed: Number(found[2]),
            skipped: Number(found[3] ?? 0),
          })
      }
    })
    child.on('close', (code) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeListener(signal, forward)
      resolve({ code: code ?? 1, outcome })
    })
  })
}
