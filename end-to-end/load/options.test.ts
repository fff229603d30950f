import { expect, it } from 'vitest'
import { LOAD_HELP, readOptions } from './options.ts'

it('has defaults for everything, and takes what is said', () => {
  expect(readOptions([])).toMatchObject({ sites: 200, stations: 10, minutes: 2, scaling: undefined })
  expect(readOptions(['--sites', '3', '--minutes', '0.5', '--http-rate=7'])).toMatchObject({
    sites: 3,
    minutes: 0.5,
    http: { connections: 10, perSecond: 7 },
  })
  expect(readOptions(['--scaling', '--facts', '5000'])?.scaling).toEqual({ facts: 5_000 })
})

it('names all that is wrong at once', () => {
  expect(() => readOptions(['--sites', '0', '--minutes', 'x', '--facts', '5000'])).toThrow(
    '--sites must be a whole number from 1 to 2000, not "0"\n--minutes must be a number from 0.1 to 60, not "x"\n--facts is for --scaling',
  )
  expect(() => readOptions(['--site', '3'])).toThrow("Unknown option '--site'")
})

it('tells every flag in its help', () => {
  expect(readOptions(['--help'])).toBeUndefined()
  for (const flag of [
    'sites',
    'stations',
    'minutes',
    'speed',
    'picture-seconds',
    'ocpp',
    'http-connections',
    'http-rate',
    'facts',
    'scaling',
  ])
    expect(LOAD_HELP).toContain(`--${flag} `)
})
