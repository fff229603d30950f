/**
 * `npm run config:check -- --env production`: names everything that is missing, unknown or unsafe in a deployment with compose,
 * before anything is started. What each service would see is judged by the service's own program; what only the whole can get
 * wrong, in deployment/compose-safety.ts. Ends with 0, 1 (problems, all told) or 2 (called wrongly). Prints no value of a secret.
 */
import { parseArgs } from 'node:util'
import { standing } from './deployment/compose-safety.ts'
import { ChoiceError, configurationProblems, readDeployment } from './deployment/read-deployment.ts'

const HELP = `npm run config:check -- --env NAME [--file FILE] [--compose FILE]...

--env NAME      development, staging or production: .env.NAME; production must not be told that it is something else
--file FILE     this file in the place of .env.NAME
--compose FILE  the compose file, and again for each overlay; absent: COMPOSE_FILE of the file of variables,
                else docker-compose.yml and deploy/compose/NAME.yml where there is one`

async function main(): Promise<void> {
  const deployment = readDeployment(readArguments())
  const told = await configurationProblems(deployment)
  console.log(`${deployment.file} with ${deployment.files.join(', ')}`)
  if (deployment.fromShell.length > 0)
    console.log(`Taken from the shell, as compose does: ${deployment.fromShell.join(', ')}`)
  for (const it of told) console.log(`  ${it}`)
  const services = standing(deployment.compose).length
  console.log(
    told.length === 0 ? `The configuration is valid (${services} services).` : `${told.length} wrong`,
  )
  process.exitCode = told.length === 0 ? 0 : 1
}

function readArguments() {
  try {
    const options = {
      env: { type: 'string' },
      file: { type: 'string' },
      compose: { type: 'string', multiple: true },
    } as const
    const { env, ...more } = parseArgs({ options }).values
    if (!env || !/^[\w-]+$/.test(env)) throw new Error('--env is needed: the name of a deployment')
    return { env, ...more }
  } catch (error) {
    throw new ChoiceError((error as Error).message)
  }
}

main().catch((error: Error) => {
  console.error(error instanceof ChoiceError ? `${error.message}\n\n${HELP}` : (error.stack ?? error.message))
  process.exitCode = 2
})
