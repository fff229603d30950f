/**
 * Makes the demo site, its six simulated stations and their tokens over the public API, once, for a site controller and
 * simulated stations that run elsewhere than under the launcher (docker-compose.yml).
 *
 * `--state DIR` receives `mqtt-password` (of the site, at the broker) and `stations-password`; what is there is kept.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureDemoSite, registerSimulation } from './demo-site.ts'
import { SIMULATED_STATIONS } from './environment.ts'
import { PublicApi, Refused } from './public-api.ts'
import { newSecret } from './random.ts'
import { readSecret, writeSecret } from './secrets.ts'
import { pause } from './wait.ts'

/** A cloud that comes up, or changes its version, answers 503 meanwhile: how long it is asked again. */
const WAIT_MS = 60_000
const AGAIN_MS = 1_000

const HELP = 'site-setup --api URL --api-key-file FILE --simulators MAIN.js --state DIR'

const { values } = parseArgs({
  options: {
    api: { type: 'string' },
    'api-key-file': { type: 'string' },
    simulators: { type: 'string' },
    state: { type: 'string' },
  },
})
const needed = (name: keyof typeof values): string => {
  const value = values[name]
  if (value === undefined) throw new Error(`--${name} is needed: ${HELP}`)
  return value
}

const simulators = needed('simulators')
const state = needed('state')
const api = new PublicApi(needed('api'), readSecret(needed('api-key-file')))
const simulated = (...args: string[]) =>
  JSON.parse(execFileSync(process.execPath, [simulators, ...args], { encoding: 'utf8' }))

const stationsPassword = join(state, 'stations-password')
if (!existsSync(stationsPassword)) writeSecret(stationsPassword, newSecret())
await patiently(() => ensureDemoSite(api, join(state, 'mqtt-password'), (line) => console.log(line)))
const simulation = {
  stations: simulated('stations', '--stations', String(SIMULATED_STATIONS)),
  tokens: simulated('tokens'),
}
await patiently(() =>
  registerSimulation(api, simulation, readSecret(stationsPassword), join(state, 'registered')),
)
console.log('the demo site and its simulated stations are registered')

/** Each step may be taken again; what the cloud refuses for good is thrown at once. */
async function patiently(step: () => Promise<void>): Promise<void> {
  const until = performance.now() + WAIT_MS
  for (;;)
    try {
      return await step()
    } catch (error) {
      const isFinal = error instanceof Refused && error.status < 500
      if (isFinal || performance.now() > until) throw error
      console.log(`Not yet: ${(error as Error).message}`)
      await pause(AGAIN_MS)
    }
}
