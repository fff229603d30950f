/** A deployment with compose as its files say it: which variables, which compose files, and everything that is wrong with them. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readCompose } from './compose-files.ts'
import { composeProblems, type Deployment, isProduction, standing, targetOf } from './compose-safety.ts'
import { readEnvironmentFile } from './environment-file.ts'
import { seenBy } from './service-environment.ts'

/** The checkout, from the bundle in launcher/dist and from launcher/src/deployment alike. */
export const PROJECT = projectOf(fileURLToPath(import.meta.url))
const CLOUD = join(PROJECT, 'cloud', 'dist', 'main.js')
/** One program's word on its configuration; it only reads, and is done in a second. */
const JUDGE_TIMEOUT_MS = 60_000
/** Told once, of the secret, instead of for each setting that names it. */
const FILE_UNREADABLE = /^\w+_FILE: .* cannot be read/

export interface Choice {
  /** development, staging, production. */
  readonly env: string
  /** Absent: .env.NAME. */
  readonly file?: string | undefined
  /** Absent: COMPOSE_FILE of the file of variables, else docker-compose.yml with deploy/compose/NAME.yml where there is one. */
  readonly compose?: readonly string[] | undefined
}

export interface ReadDeployment extends Deployment {
  readonly env: string
  readonly file: string
  readonly files: readonly string[]
  /** Variables that the shell says, as compose lets it. */
  readonly fromShell: readonly string[]
  /** Wrong lines of the file of variables. */
  readonly problems: readonly string[]
}

/** The program was called wrongly, or a file is not there; the message says which. */
export class ChoiceError extends Error {}

export function readDeployment({ env, file = `.env.${env}`, compose: given }: Choice): ReadDeployment {
  for (const it of [file, ...(given ?? [])])
    if (!existsSync(resolve(PROJECT, it))) throw new ChoiceError(`${it}: there is no such file`)
  const { values, problems } = readEnvironmentFile(readFileSync(resolve(PROJECT, file), 'utf8'))
  const files = given ?? composeFiles(values, env)
  const compose = readCompose(PROJECT, files, { ...Object.fromEntries(values), ...process.env })
  const fromShell = [...compose.asked].filter((it) => process.env[it] !== undefined)
  return { env, file, files, values, compose, folder: PROJECT, fromShell, problems }
}

/** Everything that is missing, unknown or unsafe, each once; without any secret. */
export async function configurationProblems(deployment: ReadDeployment): Promise<string[]> {
  const all = [...deployment.problems, ...composeProblems(deployment), ...(await judged(deployment))]
  if (deployment.env === 'production' && !isProduction(deployment))
    all.push('NODE_ENV: is not production, which switches off the checks of what is unsafe')
  return [...new Set(all)]
}

function projectOf(file: string): string {
  const at = file.lastIndexOf('/launcher/')
  return file.slice(0, at + 1)
}

function composeFiles(values: ReadonlyMap<string, string>, env: string): string[] {
  const given = values.get('COMPOSE_FILE')
  if (given) return given.split(values.get('COMPOSE_PATH_SEPARATOR') ?? ':')
  const overlay = `deploy/compose/${env}.yml`
  return ['docker-compose.yml', ...(existsSync(join(PROJECT, overlay)) ? [overlay] : [])]
}

/** One line for each problem, with the services that have it where not all do. */
async function judged(deployment: Deployment): Promise<string[]> {
  const services = standing(deployment.compose).filter((it) => targetOf(it))
  const told = await Promise.all(
    services.map(async (service) => {
      const { environment, problems } = seenBy(service, deployment)
      return [...problems, ...(await verdictOf(targetOf(service) as string, environment))]
    }),
  )
  const whose = new Map<string, string[]>()
  for (const [at, { name }] of services.entries())
    for (const it of told[at] ?? []) whose.set(it, [...(whose.get(it) ?? []), name])
  return [...whose].map(([problem, names]) =>
    names.length === services.length ? problem : `${problem} (${names.join(', ')})`,
  )
}

function verdictOf(target: string, environment: Readonly<Record<string, string>>): Promise<string[]> {
  return new Promise((done, reject) => {
    execFile(
      process.execPath,
      [CLOUD, `--target=${target}`, '--verify-config'],
      { env: { PATH: process.env.PATH ?? '', ...environment }, timeout: JUDGE_TIMEOUT_MS },
      (error, _, stderr) => {
        if (!error) return done([])
        const [first, ...lines] = stderr.trim().split('\n')
        if (first !== 'configuration:') return reject(new Error(`${target} could not be asked: ${stderr}`))
        done(lines.map((it) => it.trim()).filter((it) => !FILE_UNREADABLE.test(it)))
      },
    )
  })
}
