/**
 * `npm run predeploy -- --env production`: whether a deployment may begin. Each check has a verdict (ok, wrong, left out) with what
 * was seen; it ends with 0 when none is wrong, and `--all` counts those that were left out as wrong. It changes nothing.
 */
import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { nowMs } from './clock.ts'
import { checkBackups } from './deployment/backups.ts'
import { checkCertificates } from './deployment/certificates.ts'
import { checkMonitoring } from './deployment/monitoring.ts'
import {
  ChoiceError,
  configurationProblems,
  PROJECT,
  type ReadDeployment,
  readDeployment,
} from './deployment/read-deployment.ts'
import { lookAtRunning, runHere } from './deployment/running.ts'
import { leftOut, ok, type Verdict, wrong } from './deployment/verdict.ts'

const HELP = `npm run predeploy -- --env NAME [--file FILE] [--compose FILE]... [options]

--env, --file, --compose   the deployment, as for config:check
--no-tests                 npm test is left out (CI has run it on this commit)
--backups DIR              where base backups of the database lie
--archive DIR              where the log of the server is archived (DIR/archive of the above)
--prometheus URL           who watches
--all                      what is left out counts as wrong`

async function main(): Promise<void> {
  const options = readArguments()
  const deployment = readDeployment(options)
  console.log(`${deployment.file} with ${deployment.files.join(', ')}`)
  const running = await lookAtRunning(deployment, runHere)
  const there = 'nothing' in running ? undefined : running
  const without = leftOut('nothing' in running ? running.nothing : '')
  const checks: Record<string, () => Verdict | Promise<Verdict>> = {
    configuration: async () => {
      const problems = await configurationProblems(deployment)
      return problems.length > 0 ? wrong(...problems) : ok(`${deployment.compose.services.length} services`)
    },
    migrations: () => there?.migrations() ?? without,
    certificates: () => checkCertificates(tlsDir(deployment), nowMs()),
    backups: () => checkBackups(options.backups, options.archive, nowMs()),
    monitoring: () => checkMonitoring(options.prometheus),
    'roll-back': () => there?.rollBack() ?? without,
    tests: () => (options['no-tests'] ? leftOut('as asked') : npmTest()),
  }
  const counts = { ok: 0, wrong: 0, 'left out': 0 }
  for (const [name, check] of Object.entries(checks)) {
    const { state, told } = await check()
    counts[state]++
    console.log(`${state.toUpperCase().padEnd(8)}  ${name.padEnd(14)} ${told[0] ?? ''}`)
    for (const it of told.slice(1)) console.log(`${' '.repeat(25)}${it}`)
  }
  console.log(`${counts.ok} ok, ${counts.wrong} wrong, ${counts['left out']} left out`)
  process.exitCode = counts.wrong > 0 || (options.all && counts['left out'] > 0) ? 1 : 0
}

function readArguments() {
  try {
    const options = {
      env: { type: 'string' },
      file: { type: 'string' },
      compose: { type: 'string', multiple: true },
      'no-tests': { type: 'boolean' },
      backups: { type: 'string' },
      archive: { type: 'string' },
      prometheus: { type: 'string' },
      all: { type: 'boolean' },
    } as const
    const { env, ...more } = parseArgs({ options }).values
    if (!env || !/^[\w-]+$/.test(env)) throw new Error('--env is needed: the name of a deployment')
    if (more.prometheus !== undefined && !URL.canParse(more.prometheus))
      throw new Error(`--prometheus ${more.prometheus}: is no URL`)
    return { env, ...more }
  } catch (error) {
    throw new ChoiceError((error as Error).message)
  }
}

/** Where the certificate lies that HAProxy shows; undefined where none is published. */
function tlsDir({ compose, folder }: ReadDeployment): string | undefined {
  const file = compose.secretFiles.get('tls_haproxy')
  return file === undefined ? undefined : resolve(folder, file, '..')
}

/** Its last line counts; what it says on the way goes to standard error, so that the verdicts stay together. */
function npmTest(): Promise<Verdict> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [join(PROJECT, 'launcher', 'test.mjs')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let last = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      process.stderr.write(text)
      last = (last + text).trimEnd().split('\n').at(-1) ?? ''
    })
    child.on('close', (code) => done(code === 0 ? ok(last) : wrong(`${last} (npm test tells which)`)))
  })
}

main().catch((error: Error) => {
  console.error(error instanceof ChoiceError ? `${error.message}\n\n${HELP}` : (error.stack ?? error.message))
  process.exitCode = 2
})
