import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { identityOf, isAlive, readIdentity, takeLock, writeIdentity } from '../lock.mjs'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-lock-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a lock is refused while its holder lives, naming it', () => {
  const file = join(folder, 'lock')
  const lock = takeLock(file)
  expect(takeLock(file).holder?.pid).toBe(process.pid)
  lock.release?.()
  expect(existsSync(file)).toBe(false)
  takeLock(file).release?.()
})

test('a lock whose holder was killed is taken over', async () => {
  const file = join(folder, 'lock')
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  const gone = new Promise((resolve) => child.once('exit', resolve))
  writeIdentity(file, child.pid!)
  expect(takeLock(file).holder?.pid).toBe(child.pid)
  child.kill('SIGKILL')
  await gone
  const lock = takeLock(file)
  expect(lock.holder).toBeUndefined()
  expect(readIdentity(file)?.pid).toBe(process.pid)
})

test('another process under a reused pid does not count as the recorded one', () => {
  const now = identityOf(process.pid)!
  expect(isAlive(now)).toBe(true)
  if (process.platform === 'linux') expect(isAlive({ ...now, startTick: '1' })).toBe(false)
  if (process.platform === 'linux') expect(isAlive({ ...now, boot: 'another' })).toBe(false)
})

test('a torn lock file holds nothing', () => {
  const file = join(folder, 'lock')
  writeFileSync(file, '{"pid":')
  takeLock(file)
  expect(JSON.parse(readFileSync(file, 'utf8')).pid).toBe(process.pid)
})
