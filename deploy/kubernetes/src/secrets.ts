/** The one Secret of an installation, with the names that deploy/compose/make-secrets.sh gives its files. */
import type { EnvVar, Volume, VolumeMount } from 'kubernetes-types/core/v1'
import type { SettingName } from './settings-of-cloud.ts'

export const SECRET = 'switchyard'
const FOLDER = '/run/secrets'

/** Which setting is told by which key. */
const KEY_OF = {
  DATABASE_URL: 'database_url',
  REDIS_URL: 'redis_url',
  SERVICE_KEY: 'service_key',
  MQTT_PASSWORD: 'mqtt_password',
  MQTT_ADMIN_PASSWORD: 'mqtt_admin_password',
  BOOTSTRAP_API_KEY: 'api_key',
  BOOTSTRAP_OPERATOR_PASSWORD: 'operator_password',
} as const satisfies Partial<Record<SettingName, string>>
export type SecretSetting = keyof typeof KEY_OF

/** Where the file of a key lies in a pod. */
export const secretFile = (key: string): string => `${FOLDER}/${key}`

/** `DATABASE_URL` -> DATABASE_URL_FILE and where it lies. */
export const fileVariables = (settings: readonly SecretSetting[]): EnvVar[] =>
  settings.map((it) => ({ name: `${it}_FILE`, value: secretFile(KEY_OF[it]) }))

/** Only those keys, as files that the pod's own group may read. */
export const secretKeys = (keys: readonly string[]): Volume => ({
  name: 'secrets',
  secret: { secretName: SECRET, defaultMode: 0o440, items: keys.map((key) => ({ key, path: key })) },
})

export const secretsOf = (settings: readonly SecretSetting[]): Volume =>
  secretKeys(settings.map((it) => KEY_OF[it]))

export const secretsMount: VolumeMount = { name: 'secrets', mountPath: FOLDER, readOnly: true }
