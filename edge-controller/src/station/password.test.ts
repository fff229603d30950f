import { expect, it } from 'vitest'
import { systemRandom } from '../random.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { FREE_TRIES, hashPassword, PasswordCheck, VERIFYING_MAX, WAITING_MAX } from './password.ts'

const CHEAP = 'scrypt$2$1$1$AAAA$AAAA'

function door() {
  const clock = new VirtualClock('2026-11-23T12:00:00Z')
  const check = new PasswordCheck(clock, systemRandom)
  let callers = 0
  const fresh = () => ({ stationId: `CP${++callers}`, remote: '10.0.0.9' })
  return { clock, check, fresh }
}

it('a password fits its hash, another does not, and a broken hash fits nothing', async () => {
  const { check, fresh } = door()
  const hash = await hashPassword('pass wörd', Buffer.alloc(16, 1))
  expect(hash).toMatch(/^scrypt\$4096\$8\$1\$/)
  expect(await check.verify(fresh(), ['pass wörd'], [hash])).toEqual({ fits: hash })
  expect(await check.verify(fresh(), ['no', 'pass wörd'], [hash])).toEqual({ fits: hash })
  expect(await check.verify(fresh(), ['pass'], [hash])).toBe('wrong')
  for (const broken of [
    '',
    'plain',
    'scrypt$3$8$1$AA$AA',
    'scrypt$1048576$64$1$AA$AA',
    hash.replace('scrypt', 'md5'),
  ])
    expect(await check.verify(fresh(), ['pass wörd'], [broken]), broken).toBe('wrong')
})

it('more than may wait are turned away', async () => {
  const { check, fresh } = door()
  const all = Array.from({ length: VERIFYING_MAX + WAITING_MAX + 3 }, () =>
    check.verify(fresh(), ['x'], [CHEAP]),
  )
  const answers = await Promise.all(all)
  expect(answers.filter((answer) => answer === 'busy')).toHaveLength(3)
  expect(await check.verify(fresh(), ['x'], [CHEAP])).toBe('wrong')
})

it('one caller has one try at a time, and waits longer after each wrong one', async () => {
  const { clock, check } = door()
  const caller = { stationId: 'CP1', remote: '10.0.0.9' }
  const once = () => check.verify(caller, ['x'], [CHEAP])
  expect((await Promise.all([once(), once(), once()])).sort()).toEqual(['busy', 'busy', 'wrong'])
  for (let i = 1; i < FREE_TRIES; i++) expect(await once()).toBe('wrong')
  expect(await once()).toBe('too-soon')
  clock.advance(1_001)
  expect(await once()).toBe('wrong')
  clock.advance(1_001)
  expect(await once()).toBe('too-soon')
  // Another address is another caller.
  expect(await check.verify({ ...caller, remote: '10.0.0.10' }, ['x'], [CHEAP])).toBe('wrong')
})

it('whoever guesses does not lock the station out, and a changed password is no longer known', async () => {
  const { check } = door()
  const caller = { stationId: 'CP1', remote: '10.0.0.9' }
  const [old, fresh] = await Promise.all(['old', 'new'].map((p) => hashPassword(p, Buffer.alloc(16, 1))))
  expect(await check.verify(caller, ['old'], [old!])).toEqual({ fits: old })
  for (let i = 0; i < FREE_TRIES; i++) expect(await check.verify(caller, ['guess'], [old!])).toBe('wrong')
  expect(await check.verify(caller, ['guess'], [old!])).toBe('too-soon')
  expect(await check.verify(caller, ['old'], [old!])).toEqual({ fits: old })
  // Who knows the password has made mistakes, and no guesses.
  expect(await check.verify(caller, ['guess'], [old!])).toBe('wrong')
  const elsewhere = { ...caller, remote: '10.0.0.10' }
  expect(await check.verify(elsewhere, ['old'], [fresh!])).toBe('wrong')
  expect(await check.verify(elsewhere, ['new'], [fresh!])).toEqual({ fits: fresh })
})
