import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Home } from './home.ts'
import { newSecret } from './random.ts'

const OPERATOR_EMAIL = 'operator@switchyard.local'

export type Credentials = { apiKey: string; operator: { email: string; password: string } }

/** Files that hold one secret each; children are told the file, never the secret. */
export type SecretFiles = {
  postgresPassword: string
  serviceKey: string
  apiKey: string
  operatorPassword: string
  siteMqttPassword: string
  simulatorPassword: string
  databaseUrl: string
}

export function secretFiles(home: Home): SecretFiles {
  const file = (name: string): string => join(home.secrets, name)
  return {
    postgresPassword: file('postgres-password'),
    serviceKey: file('service-key'),
    apiKey: file('api-key'),
    operatorPassword: file('operator-password'),
    siteMqttPassword: file('site-mqtt-password'),
    simulatorPassword: file('simulator-password'),
    databaseUrl: file('database-url'),
  }
}

/** Makes at the first start what has to be secret, and tells the user's part of it in `credentials.json`. */
export function ensureSecrets(home: Home): { files: SecretFiles; credentials: Credentials } {
  const files = secretFiles(home)
  const keep = (file: string, make: () => string): string => {
    if (!existsSync(file)) writeSecret(file, make())
    return readSecret(file)
  }
  if (existsSync(join(home.postgres, 'PG_VERSION')) && !existsSync(files.postgresPassword))
    throw new Error(
      `The database in ${home.postgres} needs its password, and ${files.postgresPassword} is gone. Restore it, or start with --fresh.`,
    )
  keep(files.postgresPassword, newSecret)
  keep(files.serviceKey, newSecret)
  keep(files.simulatorPassword, newSecret)
  const credentials: Credentials = {
    apiKey: keep(files.apiKey, () => `sk_${newSecret()}`),
    operator: { email: OPERATOR_EMAIL, password: keep(files.operatorPassword, newSecret) },
  }
  writeSecret(home.credentials, JSON.stringify(credentials, null, 2))
  return { files, credentials }
}

export function readSecret(file: string): string {
  return readFileSync(file, 'utf8').trim()
}

/** Whole or not at all, and never readable by others, not even for a moment. */
export function writeSecret(file: string, secret: string): void {
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, `${secret}\n`, { mode: 0o600 })
  renameSync(draft, file)
}
