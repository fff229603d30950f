/**
 * Brings the schema up to date before a version rolls out (install.sh waits for it). Applied together with everything else it does no harm:
 * a service brings its own tables up to date when it starts, under the same lock, and migrations only expand.
 */
import { podOf, USER } from './confined.ts'
import { labels } from './labels.ts'
import type { Manifest } from './manifest.ts'
import { type SecretSetting, secretsOf } from './secrets.ts'
import { cloudContainer } from './workload.ts'

export const MIGRATION = 'migrate'
const SECRETS: readonly SecretSetting[] = ['DATABASE_URL', 'REDIS_URL', 'SERVICE_KEY']
/** A migration that takes longer is looked at by somebody. */
const DEADLINE_SECONDS = 1_800
const KEPT_SECONDS = 86_400

export const migration: Manifest = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: MIGRATION, labels: labels(MIGRATION, 'migration') },
  spec: {
    backoffLimit: 3,
    activeDeadlineSeconds: DEADLINE_SECONDS,
    ttlSecondsAfterFinished: KEPT_SECONDS,
    template: {
      metadata: { labels: labels(MIGRATION, 'migration') },
      spec: podOf(USER, {
        restartPolicy: 'Never',
        containers: [cloudContainer(MIGRATION, ['migrate', 'deploy'], SECRETS)],
        volumes: [secretsOf(SECRETS)],
      }),
    },
  },
}
