// A running system with its simulated site, for the tests of the page.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PORTS } from './flags.mjs'
import { freePorts } from './free-ports.mjs'
import { PROJECT } from './project.mjs'

const READY_DEADLINE_MS = 120_000
const STOP_DEADLINE_MS = 60_000
/** Waits and energies are so many times smaller: cars come and leave while the tests look. */
const SPEED = '20'

/** Starts it as a newcomer would, in a home that is gone afterwards; throws with what it said when it does not run. */
export async function startTestSystem() {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-test-system-'))
  const home = join(folder, 'home')
  const ports = await freePorts(PORTS.length)
  const flags = PORTS.flatMap(({ flag }, at) => [flag, String(ports[at])])
  const child = spawn(
    process.execPath,
    [join(PROJECT, 'launcher', 'start.mjs'), '--home', home, '--speed', SPEED, ...flags],
    { cwd: PROJECT, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const stop = async () => {
    child.kill('SIGINT')
    const forced = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS)
    await exited
    clearTimeout(forced)
    const location = join(home, 'postgres.location')
    if (existsSync(location))
      rmSync(dirname(readFileSync(location, 'utf8').trim()), { recursive: true, force: true })
    rmSync(folder, { recursive: true, force: true })
  }
  const runs = await new Promise((resolve) => {
    const late = setTimeout(() => resolve(false), READY_DEADLINE_MS)
    const done = (value) => {
      clearTimeout(late)
      resolve(value)
    }
    exited.then(() => done(false))
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        output += data
        if (output.includes('Switchyard runs.')) done(true)
      })
  })
  if (!runs) {
    await stop()
    throw new Error(`The system for the tests of the page does not run:\n${output}`)
  }
  const { operator } = JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8'))
  const environment = {
    SWITCHYARD_URL: `http://127.0.0.1:${ports[0]}`,
    SWITCHYARD_EMAIL: operator.email,
    SWITCHYARD_PASSWORD: operator.password,
  }
  return { environment, stop }
}
