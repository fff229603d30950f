/** What runs of a deployment on this machine, asked of compose and the engine: its database's schema, and the image to go back to. */
import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { standing, targetOf } from './compose-safety.ts'
import { PROJECT, type ReadDeployment } from './read-deployment.ts'
import { ok, type Verdict, wrong } from './verdict.ts'

const TIMEOUT_MS = 120_000

interface Outcome {
  code: number
  stdout: string
  stderr: string
}
/** Runs a program of this machine; 127 where there is none. */
export type Run = (program: string, args: readonly string[]) => Promise<Outcome>

export const runHere: Run = (program, args) =>
  new Promise((done) => {
    execFile(program, args, { cwd: PROJECT, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      const code = error ? (error.code === 'ENOENT' ? 127 : Number(error.code) || 1) : 0
      done({ code, stdout: stdout.trim(), stderr: stderr.trim() })
    })
  })

export interface Running {
  /** What `migrate status` of the image that is to run says of the database. */
  migrations(): Promise<Verdict>
  /** That what runs now can run again. */
  rollBack(): Promise<Verdict>
}

/** Either check is left out, saying why, where nothing of the deployment runs here. */
export async function lookAtRunning(
  deployment: ReadDeployment,
  run: Run,
): Promise<Running | { nothing: string }> {
  const [program, ...before] =
    (await run('docker', ['compose', 'version'])).code === 0 ? ['docker', 'compose'] : ['docker-compose']
  const compose = (...args: string[]): Promise<Outcome> =>
    run(program as string, [
      ...before,
      '--env-file',
      resolve(PROJECT, deployment.file),
      ...deployment.files.flatMap((it) => ['-f', it]),
      ...args,
    ])
  const service = standing(deployment.compose).find((it) => targetOf(it))
  const listed = await compose('ps', '-q', service?.name ?? '')
  if (listed.code === 127) return { nothing: 'there is no Docker on this machine' }
  if (listed.code !== 0) return { nothing: `compose does not answer: ${lastLine(listed.stderr)}` }
  const container = listed.stdout.split('\n')[0]
  if (!container) return { nothing: 'nothing of it runs yet: a first deployment' }
  return {
    async migrations() {
      const told = await compose('run', '--rm', '--no-deps', '-T', 'migrate', 'migrate', 'status')
      const counts = /(\d+) applied, (\d+) pending, (\d+) changed, (\d+) newer/.exec(told.stdout)
      if (!counts) return wrong(`migrate status: ${lastLine(told.stderr || told.stdout)}`)
      const lines = told.stdout.split('\n').slice(0, -1)
      if (Number(counts[3]) > 0) return wrong(...lines.filter((it) => it.startsWith('changed')))
      return ok(counts[0], ...lines)
    },
    async rollBack() {
      const { code, stdout, stderr } = await run('docker', [
        'inspect',
        '-f',
        '{{.Config.Image}} {{.Image}}',
        container,
      ])
      if (code !== 0) return wrong(lastLine(stderr))
      const [name = '', id = ''] = stdout.split(' ')
      const kept = await run('docker', ['image', 'inspect', '-f', '{{.Id}}', name])
      const back = kept.stdout === id ? name : id
      if ((await run('docker', ['image', 'inspect', back])).code !== 0)
        return wrong(`${name}, which runs, is no longer on this machine: nothing to go back to`)
      return ok(
        `${name} runs; back to it: deploy/compose/upgrade.sh --env-file ${deployment.file} ${back}`,
        ...(service?.image === name
          ? ['that is the image which the file of variables names: nothing would change']
          : []),
      )
    },
  }
}

const lastLine = (text: string): string => text.split('\n').at(-1) ?? ''
