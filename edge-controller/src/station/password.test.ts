import { expect, it } from 'vitest'
import { hashPassword, PasswordCheck, VERIFYING_MAX, WAITING_MAX } from './password.ts'

it('a password fits its hash, another does not, and a broken hash fits nothing', async () => {
  const check = new PasswordCheck()
  const hash = await hashPassword('pass wörd', Buffer.alloc(16, 1))
  expect(hash).toMatch(/^scrypt\$16384\$8\$1\$/)
  expect(await check.verify(['pass wörd'], hash)).toBe(true)
  expect(await check.verify(['no', 'pass wörd'], hash)).toBe(true)
  expect(await check.verify(['pass'], hash)).toBe(false)
  for (const broken of [
    '',
    'plain',
    'scrypt$3$8$1$AA$AA',
    'scrypt$1048576$64$1$AA$AA',
    hash.replace('scrypt', 'md5'),
  ])
    expect(await check.verify(['pass wörd'], broken), broken).toBe(false)
})

it('more than may wait are turned away', async () => {
  const check = new PasswordCheck()
  const cheap = 'scrypt$2$1$1$AAAA$AAAA'
  const all = Array.from({ length: VERIFYING_MAX + WAITING_MAX + 3 }, () => check.verify(['x'], cheap))
  const answers = await Promise.all(all)
  expect(answers.filter((answer) => answer === undefined)).toHaveLength(3)
  expect(await check.verify(['x'], cheap)).toBe(false)
})
