import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { connect, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { freePorts } from '../../launcher/free-ports.mjs'
import { TARGETS } from './platform/service.ts'
import { createTestDatabase, type TestDatabase } from './platform/testing.ts'
import { targets } from './targets.ts'

/** What ships; `npm run build` makes it. */
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))
let database: TestDatabase
let env: Record<string, string>
beforeAll(async () => {
  database = await createTestDatabase()
  env = {
    PATH: process.env.PATH ?? '',
    DATABASE_URL: database.url,
    SERVICE_KEY: 'service-key-of-the-tests',
    BROKER_PORT: '0',
    ...Object.fromEntries(TARGETS.map((it) => [`${it.toUpperCase().replaceAll('-', '_')}_PORT`, '0'])),
  }
})
afterAll(() => database?.drop())

function start(args: string[], environment: Record<string, string> = env) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: environment,
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk
  })
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk
  })
  const exited = once(child, 'close').then(([code]) => code as number | null)
  return { child, exited, output: () => output }
}
async function run(args: string[], environment?: Record<string, string>) {
  const { exited, output } = start(args, environment)
  return { code: await exited, output: output() }
}

it('lists its targets, and the table has each of them once', async () => {
  const { code, output } = await run(['--list-targets'])
  expect(code).toBe(0)
  expect(output.trim().split('\n').sort()).toEqual([...TARGETS].sort())
  for (const target of targets)
    expect(await target.load()).toMatchObject({ name: target.name, schema: target.schema })
})

it('says what is wrong with a configuration, and starts nothing', async () => {
  expect(await run(['--verify-config'])).toEqual({ code: 0, output: 'The configuration is valid.\n' })
  const wrong = await run(['--verify-config'], { ...env, LOG_LEVEL: 'loud', SERVICE_KEY: 'short' })
  expect(wrong.code).toBe(1)
  expect(wrong.output).toMatch(/LOG_LEVEL.*\n.*SERVICE_KEY/)
  const both = await run(['--target=nobody'], { ...env, LOG_LEVEL: 'loud' })
  expect(both.output).toMatch(/--target: nobody is no target.*\n.*LOG_LEVEL/)
  expect((await run(['--verify-config', '--target=api-gateway'])).output).toContain('REDIS_URL')
})

it('says how it is called, without a stack', async () => {
  for (const args of [['serve'], ['--tagret=all']]) {
    const { code, output } = await run(args)
    expect(code).toBe(1)
    expect(output).toContain('switchyard cloud [run]')
    expect(output).not.toContain('    at ')
  }
})

it('begins a new generation only when it is told which one ends, and while nothing of the cloud is at work', async () => {
  const own = await createTestDatabase()
  const sql = postgres(own.url, {
    max: 1,
    onnotice: () => {},
    connection: { application_name: 'switchyard billing-service' },
  })
  try {
    const there = { ...env, DATABASE_URL: own.url }
    const asked = await run(['--new-generation'], there)
    expect(asked.code).toBe(1)
    expect(asked.output).not.toContain('    at ')
    const [, generation] = /--confirm=(\w+)/.exec(asked.output) ?? []
    const [held] = await sql`select id from log.generation`
    expect(generation).toBe(held?.id)
    const busy = await run(['--new-generation', `--confirm=${generation}`], there)
    expect([busy.code, busy.output]).toEqual([1, expect.stringContaining('switchyard billing-service')])
    await sql.end()
    const wrong = await run(['--new-generation', '--confirm=0123'], there)
    expect([wrong.code, wrong.output]).toEqual([1, expect.stringContaining('"0123" is not the present')])
    const done = await run(['--new-generation', `--confirm=${generation}`], there)
    expect([done.code, done.output]).toEqual([0, expect.stringMatching(/Generation \w+ has begun\./)])
  } finally {
    await sql.end()
    await own.drop()
  }
}, 180_000)

it('waits for a database that is not there yet, and begins when it is', async () => {
  const { hostname, port } = new URL(database.url)
  // A way to the database that opens later.
  const way = createServer((client) => {
    const server = connect(Number(port || 5432), hostname)
    client.pipe(server).pipe(client)
    for (const end of [client, server])
      end.on('error', () => {
        client.destroy()
        server.destroy()
      })
  })
  const [wayPort = 0] = await freePorts(1)
  const url = new URL(database.url)
  url.hostname = '127.0.0.1'
  url.port = String(wayPort)
  const { child, exited, output } = start([], { ...env, DATABASE_URL: url.href })
  const seen = async (text: string) => {
    while (!output().includes(text)) {
      expect(child.exitCode).toBe(null)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  await seen('the database is not up yet')
  way.listen(wayPort, '127.0.0.1')
  await seen('"msg":"up"')
  child.kill('SIGTERM')
  expect(await exited).toBe(0)
  way.close()
})

it('answers over a connection that is kept alive once more when it is asked to stop', async () => {
  // Ten seconds of it are for such connections, of all targets.
  const { child, exited, output } = start([], { ...env, SHUTDOWN_DEADLINE_MS: '200000' })
  const url = await vi.waitFor(
    () => {
      expect(output()).toContain('"msg":"up"')
      return /"service":"api-gateway".*"url":"([^"]+)","msg":"listening"/.exec(output())?.[1] ?? ''
    },
    { timeout: 60_000 },
  )
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const ask = () =>
    new Promise<unknown>((resolve, reject) => {
      // Which asks the other services.
      get(`${url}/openapi.json`, { agent }, (it) => {
        it.resume().on('end', () => resolve([it.statusCode, it.headers.connection]))
      }).on('error', reject)
    })
  expect(await ask()).toEqual([200, 'keep-alive'])
  child.kill('SIGTERM')
  await vi.waitFor(() => expect(output()).toContain('"msg":"stopping"'), { timeout: 60_000 })
  expect(await ask()).toEqual([200, 'close'])
  expect(await exited).toBe(0)
})

it('names a port that is taken', async () => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  const { code, output } = await run([], { ...env, DRIVER_SERVICE_PORT: String(port) })
  await new Promise((resolve) => taken.close(resolve))
  expect(code).toBe(1)
  expect(output).toContain(`driver-service: port ${port} on 127.0.0.1 is taken`)
  expect(output).not.toContain('    at ')
})

it('goes on, and is ready, while Redis is away', async () => {
  const { child, exited, output } = start([], { ...env, REDIS_URL: 'redis://127.0.0.1:1' })
  const lines = () =>
    output()
      .split('\n')
      .filter((it) => it.startsWith('{'))
      .map((it) => JSON.parse(it) as Record<string, string>)
  await expect.poll(() => lines().some((it) => it.msg === 'up'), { timeout: 30_000 }).toBe(true)
  const { url } = lines().find((it) => it.service === 'api-gateway' && it.msg === 'listening')!
  expect((await fetch(`${url}/ready`)).status).toBe(200)
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('switchyard_bus_up{service="api-gateway"} 0')
  child.kill('SIGTERM')
  expect(await exited).toBe(0)
})

it('runs all targets in one process, each on its own port, and stops in order', async () => {
  const migrated = await run(['migrate'])
  expect(migrated.code).toBe(0)
  expect(migrated.output).toContain('"service":"migrate"')
  const { child, exited, output } = start([])
  const lines = () =>
    output()
      .split('\n')
      .filter((it) => it.startsWith('{'))
      .map((it) => JSON.parse(it) as Record<string, string>)
  await expect.poll(() => lines().some((it) => it.msg === 'up'), { timeout: 30_000 }).toBe(true)
  const listening = lines().filter((it) => it.msg === 'listening')
  expect(listening.map((it) => it.service).sort()).toEqual([...TARGETS].sort())
  expect(lines().filter((it) => it.service === undefined)).toEqual([])
  const instances = new Set<string>()
  for (const { service, url } of listening) {
    const health = (await (await fetch(`${url}/health`)).json()) as { service: string; instance: string }
    expect(health.service).toBe(service)
    instances.add(health.instance)
    expect((await fetch(`${url}/ready`)).status).toBe(200)
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('process_cpu_seconds_total')
  }
  expect(instances.size).toBe(1)

  const ocpp = listening.find((it) => it.service === 'ocpp-gateway')?.url ?? ''
  const station = new WebSocket(`${ocpp.replace('http', 'ws')}/ocpp/CP1`, ['ocpp1.6'])
  const [, refusal] = await once(station, 'unexpected-response')
  expect(refusal.statusCode).toBe(404)
  let reason = ''
  for await (const chunk of refusal) reason += chunk
  expect(reason).toContain('unknown station')

  child.kill('SIGTERM')
  expect(await exited).toBe(0)
  expect(lines().at(-1)).toMatchObject({ msg: 'stopped' })
})
