import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from './clock.ts'
import { readLedger } from './ledger.ts'
import { type CentralSystem, startCentralSystem } from './testing/central-system.ts'

/** What ships; `npm run build` makes it. */
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))
let central: CentralSystem
let folder: string
const children: ChildProcess[] = []

beforeEach(async () => {
  // The processes have real clocks; the answers only need a time near theirs.
  central = await startCentralSystem(
    new VirtualClock(Date.parse(new Date(performance.timeOrigin).toISOString())),
  )
  folder = mkdtempSync(join(tmpdir(), 'switchyard-simulators-'))
})
afterEach(async () => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL')
  await central.close()
  rmSync(folder, { recursive: true, force: true })
})

function start(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  const output = { text: '' }
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output.text += chunk))
  const ended = once(child, 'exit').then(([code]) => ({ code: code as number | null, text: output.text }))
  return { child, output, ended }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20))
}

describe('the command line', () => {
  it.each([
    [['site', '--url', 'ws://x', '--speeed', '2'], "Unknown option '--speeed'"],
    [['site'], '--url is needed'],
    [
      ['site', '--url', 'ws://x', '--stations', 'six'],
      '--stations must be a whole number from 1 to 500, not "six"',
    ],
    [
      ['charger', '--url', 'ws://x', '--id', 'A', '--version', '2.2'],
      '--version must be 1.6 or 2.0.1, not "2.2"',
    ],
    [
      ['site', '--url', 'ws://x', '--prefix', 'a b'],
      '--prefix must be 1 to 40 letters, digits, - or _, not "a b"',
    ],
    [['fly'], 'there is no command "fly"'],
    [['site', '--url', 'ws://x', '--replay', '/nowhere.csv'], '/nowhere.csv: ENOENT'],
    [['sessions', '--replay', '/nowhere.csv'], '/nowhere.csv: ENOENT'],
  ])('names what is wrong with %j', async (args, message) => {
    const { code, text } = await start(...args).ended
    expect(text).toContain(message)
    expect(code).toBe(2)
  })

  it('charges one session, prints a summary and ends with 0', async () => {
    const ledger = join(folder, 'ledger.jsonl')
    const args = [
      '--url',
      central.url,
      '--id',
      'CP1',
      '--version',
      '2.0.1',
      '--kwh',
      '0.002',
      '--ledger',
      ledger,
    ]
    const { code, text } = await start('charger', ...args).ended
    expect(text).toContain('"ok":true')
    expect(code).toBe(0)
    expect(readLedger(ledger)[0]?.energyWh).toMatch(/^2(\.\d+)?$/)
  }, 180_000)

  it('ends with 1 when the token is refused', async () => {
    central.answer('Authorize', () => ({ idTagInfo: { status: 'Blocked' } }))
    const { code, text } = await start('charger', '--url', central.url, '--id', 'CP1', '--version', '1.6')
      .ended
    expect(text).toContain('is refused: Blocked')
    expect(code).toBe(1)
  }, 180_000)

  it('closes a site at SIGTERM without ending sessions that it can go on with', async () => {
    const ledger = join(folder, 'ledger.jsonl')
    const passwords = join(folder, 'passwords.json')
    writeFileSync(passwords, '{"*":"secret"}')
    const args = [
      '--url',
      central.url,
      '--ledger',
      ledger,
      '--state',
      join(folder, 'state'),
      '--stations',
      '1',
    ]
    const site = start('site', ...args, '--speed', '1000', '--password-file', passwords)
    await until(() => site.output.text.includes('starts at'))
    const ended = readLedger(ledger).length
    site.child.kill('SIGTERM')
    expect((await site.ended).code).toBe(0)
    expect(readLedger(ledger)).toHaveLength(ended)
  }, 180_000)
})
