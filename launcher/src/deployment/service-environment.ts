/** What one service of a compose file would be started with, so that its own program can judge it here. */
import { resolve } from 'node:path'
import type { ComposeService } from './compose-files.ts'
import { type Deployment, standing, targetOf } from './compose-safety.ts'

const MOUNTED = '/run/secrets/'

export interface Seen {
  readonly environment: Readonly<Record<string, string>>
  /** Secrets that it is told of and does not get. */
  readonly problems: readonly string[]
}

/** Its environment, with files of secrets where they lie on this machine, and the replicas that compose would really start. */
export function seenBy(service: ComposeService, { compose, folder }: Deployment): Seen {
  const environment: Record<string, string> = {}
  const problems: string[] = []
  for (const [name, value] of Object.entries(service.environment)) {
    if (!value.startsWith(MOUNTED)) {
      environment[name] = value
      continue
    }
    const secret = value.slice(MOUNTED.length)
    const file = compose.secretFiles.get(secret)
    if (!service.secrets.includes(secret))
      problems.push(`${name}: ${service.name} does not get the secret ${secret}`)
    if (file !== undefined) environment[name] = resolve(folder, file)
  }
  for (const it of standing(compose)) {
    const target = targetOf(it)
    if (!target) continue
    const replicas = `${target.toUpperCase().replaceAll('-', '_')}_REPLICAS`
    const told = environment[replicas]
    if (told !== undefined && told !== String(it.replicas))
      problems.push(
        `${replicas}: the budget of connections counts ${told}, and compose starts ${it.replicas}; set it`,
      )
    environment[replicas] = String(it.replicas)
  }
  return { environment, problems }
}
