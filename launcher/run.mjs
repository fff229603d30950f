// Runs a tool and shows its output as it comes, indented, so that minutes of work never look like a hang.
import { spawn } from 'node:child_process'
import { PROJECT } from './project.mjs'

const QUIET_MS = 15_000
const KEPT_LINES = 400

/**
 * Runs a command to its end; resolves with its exit code and its last lines (at most 400).
 * `show` decides what of a line is printed (undefined hides it); `waiting` (a text, or made from the last line) is said after 15 s of silence.
 */
export function run(
  command,
  args,
  { env = process.env, cwd = PROJECT, show = (line) => line, waiting } = {},
) {
  return new Promise((resolve) => {
    const kept = []
    const startedAt = performance.now()
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    const say = () => {
      const seconds = Math.round((performance.now() - startedAt) / 1000)
      const doing = typeof waiting === 'function' ? waiting(kept.at(-1) ?? '') : waiting
      console.log(`  ... ${doing} (${seconds} s so far)`)
    }
    let quiet
    const rearm = () => {
      clearInterval(quiet)
      if (waiting) quiet = setInterval(say, QUIET_MS)
    }
    rearm()
    for (const stream of [child.stdout, child.stderr]) {
      let rest = ''
      stream.setEncoding('utf8')
      stream.on('data', (text) => {
        const lines = (rest + text).split(/\r?\n/)
        rest = lines.pop()
        for (const line of lines) {
          kept.push(line)
          if (kept.length > KEPT_LINES) kept.shift()
          const shown = line.trim() === '' ? undefined : show(line)
          if (shown === undefined) continue
          console.log(`  ${shown}`)
          rearm()
        }
      })
      stream.on('end', () => {
        if (rest) kept.push(rest)
      })
    }
    child.on('error', (error) => {
      clearInterval(quiet)
      resolve({ code: 127, lines: [...kept, String(error.message)] })
    })
    child.on('close', (code, signal) => {
      clearInterval(quiet)
      resolve({ code: code ?? 1, lines: signal ? [...kept, `ended by ${signal}`] : kept })
    })
  })
}
