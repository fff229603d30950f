// Debian packages that tests use when they are there: installed where that is possible, named where it is not.
import { run } from './run.mjs'
import { findProgram } from './test-servers.mjs'

/** Takes program -> package; gives the packages that are missing still. */
export async function installPrograms(wanted) {
  const missing = () =>
    Object.entries(wanted)
      .filter(([program]) => !findProgram(program, process.env))
      .map(([, name]) => name)
  if (missing().length > 0 && process.getuid?.() === 0 && findProgram('apt-get', process.env)) {
    console.log(`Installing ${missing().join(', ')} for the tests (apt-get)`)
    // RUNLEVEL=1: a server that a package brings is not started; tests start their own.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
    const options = { env, show: () => undefined, waiting: 'apt-get is still at work' }
    await run('apt-get', ['update', '-q'], options)
    await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing()], options)
  }
  return missing()
}
