/** The simulators' command line. */
import { VOLTAGE_V } from './car/car.ts'
import { CHARGER_OPTIONS, chargerCommand } from './cli/charger-command.ts'
import { describeOptions, numberOption, readOptions, required, UsageError } from './cli/options.ts'
import { SITE_OPTIONS, STATIONS_BOUNDS, siteCommand } from './cli/site-command.ts'
import { ReplayError } from './site/recorded.ts'
import { readReplay } from './site/replay.ts'
import { type PlannedStation, stationPlan } from './site/site.ts'
import { SIMULATED_TOKENS } from './tokens.ts'

const HELP = `Simulated charging stations with cars behind them.

site      a site of stations where cars come, charge and go
${describeOptions(SITE_OPTIONS)}

charger   one station, one session: plug in, authorise, charge, stop; exit code 0 when it was delivered
${describeOptions(CHARGER_OPTIONS)}

sessions  how many sessions a file for --replay holds, as JSON; exit code 2, saying where, when it cannot be read
${describeOptions({ replay: SITE_OPTIONS.replay! })}

tokens    the id tokens that simulated drivers carry, as JSON

stations  a site's stations, as JSON: identity, OCPP version, phases, power
${describeOptions({ stations: SITE_OPTIONS.stations! })}

--help    this text`

function describeStation({ id, version, hardware }: PlannedStation): object {
  const maxPowerW = (hardware.currentMa * hardware.phases * VOLTAGE_V) / 1000
  return { stationId: id, ocpp: version, phases: hardware.phases, maxPowerW }
}

async function run([command, ...args]: readonly string[]): Promise<number> {
  if (command === '--help' || command === '-h' || args.includes('--help')) {
    console.log(HELP)
    return 0
  }
  switch (command) {
    case 'site':
      return await siteCommand(args)
    case 'charger':
      return await chargerCommand(args)
    case 'sessions': {
      const file = required(readOptions({ replay: SITE_OPTIONS.replay! }, args), 'replay')
      console.log(JSON.stringify({ sessions: readReplay(file).length }))
      return 0
    }
    case 'tokens':
      if (args[0] !== undefined) throw new UsageError(`tokens takes no options, but got ${args[0]}`)
      console.log(JSON.stringify(SIMULATED_TOKENS, null, 2))
      return 0
    case 'stations': {
      const options = readOptions({ stations: SITE_OPTIONS.stations! }, args)
      const count = numberOption(options, 'stations', STATIONS_BOUNDS)
      console.log(JSON.stringify(stationPlan(count).map(describeStation), null, 2))
      return 0
    }
    case undefined:
      throw new UsageError('say what to simulate: site, charger, sessions, tokens or stations')
    default:
      throw new UsageError(`there is no command "${command}": site, charger, sessions, tokens or stations`)
  }
}

try {
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  if (error instanceof UsageError) console.error(`${error.message}\nSee --help.`)
  else if (error instanceof ReplayError) console.error(error.message)
  else console.error(error)
  process.exitCode = error instanceof UsageError || error instanceof ReplayError ? 2 : 1
}
