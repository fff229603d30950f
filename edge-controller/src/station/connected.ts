/** A station opens a connection: by its first it becomes known; what the connection has proved is kept. */
import type { OcppVersion } from '@switchyard/protocol/ocpp/version.ts'
import type { Draft } from '../draft.ts'
import type { Onboarding } from '../ocpp/admission.ts'
import { type Credential, takeProof } from './security.ts'
import { removalOf, stationEntry } from './settings.ts'
import { newStation, STATION_KIND, stationOf } from './station.ts'

export function takeConnection(
  draft: Draft,
  stationId: string,
  onboarding: Onboarding,
  { version, remote, credential }: { version: OcppVersion; remote: string; credential: Credential },
): void {
  if (!stationOf(draft, stationId)) {
    const isOpen = onboarding === 'open'
    const afterRemoval = removalOf(draft, stationId)
    draft.put(STATION_KIND, stationId, newStation(stationId, isOpen, afterRemoval))
    const approved = stationEntry(draft, stationId)?.approved ?? isOpen
    const told = afterRemoval === undefined ? {} : { afterRemoval }
    draft.fact({ kind: 'station.registered', stationId, data: { onboarding, approved, ...told } })
  }
  takeProof(draft, stationId, credential)
  draft.fact({
    kind: 'station.connected',
    stationId,
    data: { ocpp: version, remote, securityProfile: credential.profile },
  })
}
