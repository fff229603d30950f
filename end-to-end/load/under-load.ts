/** `npm run load`: figures of the whole cloud under sites, stations and requests at once; `--scaling`: of its consumers in replicas. */
import type { Servers } from './cloud.ts'
import { LOAD_HELP, type LoadOptions, readOptions } from './options.ts'
import { runLoad } from './run.ts'
import { scaling } from './scaling.ts'

let options: LoadOptions | undefined
try {
  options = readOptions(process.argv.slice(2))
} catch (error) {
  console.error(`${(error as Error).message}\n"npm run load -- --help" tells every flag.`)
  process.exit(2)
}
if (!options) {
  console.log(LOAD_HELP)
  process.exit(0)
}
const { LOAD_DATABASE_URL, LOAD_REDIS, REDIS_URL } = process.env
if (!LOAD_DATABASE_URL || !(REDIS_URL || LOAD_REDIS))
  throw new Error('its servers are not told: run the load by `npm run load`')
const servers: Servers = {
  postgres: LOAD_DATABASE_URL,
  redis: REDIS_URL ? { url: REDIS_URL } : { program: LOAD_REDIS! },
}
const well = options.scaling ? await scaling(options.scaling.facts, servers) : await runLoad(options, servers)
process.exit(well ? 0 : 1)
