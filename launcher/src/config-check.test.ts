/** `npm run config:check` over the real compose files, with secrets as deploy/compose/make-secrets.sh makes them. */
import { execFile, execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
/** What ships; `npm run build` makes it. */
const CHECK = join(PROJECT, 'launcher', 'dist', 'config-check.js')

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-config-'))
  execFileSync(join(PROJECT, 'deploy/compose/make-secrets.sh'), [join(folder, 'secrets')])
  for (const it of ['ca.pem', 'certificate.pem', 'key.pem', 'haproxy.pem'])
    writeFileSync(join(folder, 'secrets', it), 'only that it is there is looked at here\n')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Writes lines into a file of variables and has it checked. */
function check(env: string, lines: readonly string[], ...more: string[]) {
  const file = join(folder, 'variables')
  writeFileSync(file, `${lines.join('\n')}\n`)
  return run('--env', env, '--file', file, ...more)
}
function run(...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    // An environment of its own: the shell's variables would win over the file's.
    const env = { PATH: process.env.PATH ?? '' }
    execFile(process.execPath, [CHECK, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    )
  })
}
const secretsIn = (name: string, env: string): string[] => [
  `SECRETS_DIR=${join(folder, name)}`,
  ...(env === 'development' ? [] : [`TLS_DIR=${join(folder, name)}`]),
]
const shipped = (env: string): string[] =>
  readFileSync(join(PROJECT, `.env.${env}`), 'utf8')
    .split('\n')
    .filter((it) => !/^(SECRETS|TLS)_DIR=/.test(it))

test.each(['development', 'staging', 'production'])(
  'the example for %s is valid once it has its secrets',
  async (env) => {
    const { code, output } = await check(env, [...shipped(env), ...secretsIn('secrets', env)])
    expect(output).toContain('The configuration is valid')
    expect(code).toBe(0)
  },
)

/** Beside the files that stand in .env.production; elk.yml sends on what logs.yml gathers. With one server, and with two of everything. */
const OVERLAYS = ['backup logs monitoring acme', 'ha logs logs-ha elk monitoring tracing acme']

test.each(OVERLAYS)('production with %s is valid', async (names) => {
  const env = { ...process.env, SECRETS_DIR: join(folder, 'secrets'), PAIR_DIR: join(folder, 'pair') }
  execFileSync(join(PROJECT, 'deploy/ha/prepare.sh'), { env })
  const added = names.split(' ').map((it) => `:deploy/compose/${it}.yml`)
  const lines = shipped('production').map((it) => (it.startsWith('COMPOSE_FILE=') ? it + added.join('') : it))
  const { code, output } = await check('production', [...lines, ...secretsIn('secrets', 'production')])
  expect(output).toContain('The configuration is valid')
  expect(code).toBe(0)
})

test('no overlay is left out, and images of our own have the version of the project', () => {
  const files = readdirSync(join(PROJECT, 'deploy/compose')).filter((it) => it.endsWith('.yml'))
  const environments = ['production', 'staging', 'tls']
  expect(files.sort()).toEqual(
    [...new Set(OVERLAYS.join(' ').split(' ')), ...environments].map((it) => `${it}.yml`).sort(),
  )
  const { version } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { version: string }
  const texts = files.map((it) => readFileSync(join(PROJECT, 'deploy/compose', it), 'utf8')).join('\n')
  const tags = [...texts.matchAll(/:-switchyard\/[\w-]+:([\w.-]+)\}/g)].map((it) => it[1])
  expect(tags).toEqual([version, version])
})

test('every planted mistake is named at once, and no secret is told', async () => {
  const held = 'never-to-be-told'
  cpSync(join(folder, 'secrets'), join(folder, 'wrong'), { recursive: true })
  chmodSync(join(folder, 'wrong'), 0o755)
  const secret = (name: string, text: string): void => {
    rmSync(join(folder, 'wrong', name))
    writeFileSync(join(folder, 'wrong', name), text)
  }
  secret('service_key', 'change-me-please-now')
  secret('redis_password', `${held}-redis`)
  secret('mqtt_admin_password', readFileSync(join(folder, 'wrong', 'mqtt_password'), 'utf8'))
  rmSync(join(folder, 'wrong', 'operator_password'))
  const { code, output } = await check('production', [
    ...shipped('production').filter((it) => !/^(CLOUD_IMAGE|STATION_SERVICE_REPLICAS|LOG_LEVEL)=/.test(it)),
    ...secretsIn('wrong', 'production'),
    'LOG_LEVEL=loud',
    'STATION_SERVICE_REPLICS=3',
    'POSTGRES_MAX_CONNECTIONS=40',
    'POSTGRES_SHARED_BUFFERS_MB=512',
    'CLOUD_MQTT_URL=mqtt://broker.example:1883',
    'MQTT_ADDRESS=0.0.0.0',
    'INTERNAL_ADDRESS=0.0.0.0',
    `SMTP_PASSWORD=${held}-smtp`,
    'NODE_ENV=production',
    'this is no line',
  ])
  expect(code).toBe(1)
  for (const mistake of [
    /is not NAME=value/,
    /NODE_ENV: is given a second time in line \d+/,
    /STATION_SERVICE_REPLICS: no compose file asks for it; STATION_SERVICE_REPLICAS is meant\?/,
    /POSTGRES_SHARED_BUFFERS_MB: no compose file asks for it; POSTGRES_SHARED_BUFFERS is meant\?/,
    /SMTP_PASSWORD: a secret stands in the file of variables/,
    /secret operator_password: .* is not there; deploy\/compose\/make-secrets.sh makes it/,
    /secret redis_url: the password in it is not that of redis_password/,
    /is open to other users of this machine; chmod 0700/,
    /port 1883 of mosquitto: is published on 0\.0\.0\.0 without TLS/,
    /port 3001 of haproxy: is published on 0\.0\.0\.0, and meant for the services alone/,
    /MQTT_URL of site-gateway: leads to broker\.example without TLS/,
    /image switchyard\/cloud:latest: names no version/,
    /LOG_LEVEL: Invalid option/,
    /SERVICE_KEY: it is one that everybody knows/,
    /MQTT_ADMIN_PASSWORD: is the same as MQTT_PASSWORD; give each its own \(site-gateway\)/,
    /DATABASE_MAX_CONNECTIONS: all replicas together may ask for \d+ connections/,
    // The overlay starts three of it where nothing is said, and the services count one.
    /STATION_SERVICE_REPLICAS: the budget of connections counts 1, and compose starts 3/,
  ])
    expect(output).toMatch(mistake)
  expect(output).not.toContain(held)
  for (const name of ['mqtt_password', 'api_key', 'postgres_password', 'service_key', 'redis_password'])
    expect(output).not.toContain(readFileSync(join(folder, 'wrong', name), 'utf8').trim())
})

test('production that is told to be something else is no production', async () => {
  const lines = [
    ...shipped('production').filter((it) => !it.startsWith('NODE_ENV=')),
    ...secretsIn('secrets', 'production'),
  ]
  const { code, output } = await check('production', [...lines, 'NODE_ENV=development'])
  expect([code, output]).toEqual([1, expect.stringContaining('NODE_ENV: is not production')])
})

test('a file that is not there, or no YAML, is named; so is how the check is called', async () => {
  expect(await run()).toEqual({ code: 2, output: expect.stringContaining('--env is needed') })
  expect((await run('--env', 'nowhere')).output).toContain('.env.nowhere: there is no such file')
  const broken = join(folder, 'broken.yml')
  writeFileSync(broken, 'services: [')
  const { code, output } = await check('production', [], '--compose', broken)
  expect([code, output]).toEqual([2, expect.stringContaining('broken.yml: ')])
})
