import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LogFile } from './log-file.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-log-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a log is rotated by size and takes a bounded space', () => {
  const log = new LogFile(join(folder, 'cloud.log'))
  const megabyte = 'x'.repeat(1_000_000)
  for (let n = 0; n < 40; n++) log.write(megabyte)
  const sizes = readdirSync(folder).map((it) => statSync(join(folder, it)).size)
  expect(sizes.length).toBe(3)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(5_000_000)
})

test('the tail shows the last lines', () => {
  const log = new LogFile(join(folder, 'cloud.log'))
  for (let n = 1; n <= 30; n++) log.note(`line ${n}`)
  expect(log.tail(2)).toBe('  line 29\n  line 30')
})
